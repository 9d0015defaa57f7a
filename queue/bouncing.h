/* bouncing.h - the bounce for failed recipients, made and handed in
 *
 * Made from the reports in bounce/ID (failures), by enqueue's own door, under
 * an id by which it is found again after a crash (bounce_search). */
#ifndef QUEUE_BOUNCING_H
#define QUEUE_BOUNCING_H

#include "base/verdict.h"
#include "queue/settings.h"
#include "queue/store.h"

enum { BOUNCE_RCPT_MAX = 500 }; /* recipients one bounce message answers */

/* Which bounce is due for a message with FAILED recipients, and whether it
 * was accepted. */
struct bouncing {
    uint32_t rcpts[BOUNCE_RCPT_MAX];
    uint32_t count;
    uint64_t id;          /* the bounce's; 0: none is wanted */
    bool never;           /* NOTIFY=NEVER: recorded, no bounce */
    bool triple;          /* the bounce of a bounce of a bounce: aside */
    char to[1001];
    int result;           /* 0, or why it is not accepted now */
    char why[OUTCOME_TEXT_MAX + 1];
};

/* Blocking: finds the recipients to answer, makes the message and hands it
 * in, unless it is there already.  result is 0 when it is accepted (or none
 * is wanted, or it is a triple bounce that must be set aside). */
void bouncing_run(struct bouncing *b, const struct store *s,
                  const struct queued *q, const struct settings *settings,
                  const char *rundir);

#endif
