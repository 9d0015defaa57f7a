/* effect.h - what follows from a recorded outcome, done to the files
 *
 * Called only after the ledger has the lines, synced.  Effects gather while
 * earlier ones are done, so that one sync of a folder serves many moves.  An
 * effect that fails is done again until it succeeds; a crash before that is
 * made good from the ledger at the next start. */
#ifndef QUEUE_EFFECT_H
#define QUEUE_EFFECT_H

#include <uv.h>

#include "queue/store.h"

enum effect_kind {
    EFFECT_MARK,   /* state records alone */
    EFFECT_MOVE,   /* state records, then todo/ -> info/ */
    EFFECT_REMOVE, /* bounce/ID and the message's own name go */
    EFFECT_ASIDE,  /* -> broken/ */
};

/* Stands in the struct that waits. */
struct effect {
    struct effect *next;
    enum effect_kind kind;
    struct queued *queued;      /* borrowed until done */
    const uint32_t *which;      /* states to write, borrowed */
    size_t count;
    bool bounced;               /* bounce/ID may be there */
    bool linked;                /* its new name was given in this batch */
    unsigned suffix;            /* of that name in broken/ */
    int result;
    void (*done)(struct effect *e);
};

enum {
    EFFECT_LANES = 4,  /* pool jobs at a time */
    EFFECT_SHARE = 16, /* as many wait before another lane is used */
};

/* What one pool job does. */
struct effect_lane {
    uv_work_t work;
    struct effects *effects;
    struct effect *running; /* NULL: free */
};

struct effects {
    uv_loop_t *loop;
    uv_timer_t again;
    uv_idle_t turn;         /* something may be begun */
    const struct store *store;
    struct effect *waiting, **waiting_end, *failed;
    unsigned count;         /* waiting */
    unsigned busy;          /* lanes */
    struct effect_lane lanes[EFFECT_LANES];
};

void effects_init(struct effects *x, uv_loop_t *loop,
                  const struct store *store);

/* e is done (done is called) when it is on its way to disk: names of moves
 * synced in their new folder. */
void effects_add(struct effects *x, struct effect *e);

bool effects_idle(const struct effects *x);

#endif
