/* bouncing.h - failed recipients: their reports on disk, their bounce
 *
 * bounce/ID has the reports, synced before the failures are recorded.  The
 * bounce message has an id that follows from them, goes in by enqueue's own
 * door, and is found again by that id after a crash. */
#ifndef QUEUE_BOUNCING_H
#define QUEUE_BOUNCING_H

#include "base/verdict.h"
#include "queue/settings.h"
#include "queue/store.h"

enum { BOUNCE_RCPT_MAX = 500 }; /* recipients one bounce message answers */

/* NEVER for one recipient, with the other side's words. */
struct failure {
    uint32_t index;
    bool expired;
    struct outcome outcome;
    char host[256];
};

struct failures {
    struct failure *v; /* owned */
    size_t count, room;
};

void failures_add(struct failures *f, uint32_t index, bool expired,
                  const struct outcome *o, const char *host);
void failures_free(struct failures *f);

/* Appends the reports to bounce/ID, synced with its name.  Blocking. */
int failures_write(const struct store *s, const struct queued *q,
                   const struct failures *f, uint64_t now_ms);

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
