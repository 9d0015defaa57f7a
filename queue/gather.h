/* gather.h - messages that are complete go to disk in batches
 *
 * On the loop.  What comes while others are being stored gathers, and goes
 * as one batch in one job of the pool when it is at least as many as those;
 * who is alone waits for nobody.  What is large goes in batches of its own and
 * holds up none of the small; pieces of what is to come, and messages of
 * which the manager chose the id, go one by one. */
#ifndef QUEUE_GATHER_H
#define QUEUE_GATHER_H

#include <uv.h>

#include "queue/commit.h"

enum {
    BATCH_MAX = SYNCS_MAX, /* messages */
    BATCHES_MAX = 2,       /* one is written while the other is synced */
    SINGLES_MAX = 4,
    GATHER_JOBS = 2 * BATCHES_MAX + SINGLES_MAX,
};

struct gather;

struct gather_job {
    uv_work_t work;
    struct gather *gather; /* borrowed */
    struct storing *first; /* NULL: nothing is done */
    unsigned count;
    struct syncs syncs;
};

struct gather_queue {
    struct storing *first, **end;
    unsigned count;
};

typedef void (*gather_done)(struct storing *s);

struct gather {
    uv_loop_t *loop;
    uv_prepare_t turn; /* before the loop waits, where something came */
    struct commit *commit; /* borrowed */
    gather_done done;
    struct gather_queue small, large, single;
    struct gather_job batches[BATCHES_MAX], larges[BATCHES_MAX],
        singles[SINGLES_MAX];
};

/* done is told of each, on the loop. */
void gather_init(struct gather *g, uv_loop_t *loop, struct commit *commit,
                 gather_done done);

/* Puts s on disk, as commit.h says. */
void gather_add(struct gather *g, struct storing *s);

#endif
