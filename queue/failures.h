/* failures.h - recipients that failed, and their reports in bounce/ID
 *
 * A failure is recorded after its report is on disk, name and all: what the
 * bounce says of it is read from there.  Each line is as blocks.h has it. */
#ifndef QUEUE_FAILURES_H
#define QUEUE_FAILURES_H

#include "base/verdict.h"
#include "queue/blocks.h"
#include "queue/store.h"

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

/* All reports of q into the empty blocks; none where there is no such file:
 * the bounce says less then, but it is made.  Blocking. */
int failures_read(const struct store *s, const struct queued *q,
                  struct blocks *blocks);

#endif
