/* checkpoint.h - a position before which every effect is done and on disk
 *
 * Start applies only the lines after it.  To make one: take the synced end
 * of the ledger, wait until each effect of lines up to there is done, sync
 * the files marked since the last one and the four folders, then record
 * `checkpoint upto=`, sign, and write head.  An error anywhere: none until
 * the next start, which does those effects again. */
#ifndef QUEUE_CHECKPOINT_H
#define QUEUE_CHECKPOINT_H

#include <uv.h>

#include "queue/ledger.h"
#include "queue/store.h"

/* Stands in what has lines whose effects are to come. */
struct checkpoint_item {
    uint64_t seq; /* of its first such line; 0: none */
    struct checkpoint_item *next, **link;
};

struct checkpoint {
    struct ledger *ledger;
    const struct store *store;
    uv_work_t work;
    struct ledger_wait wait;
    struct checkpoint_item *first, **last;
    uint64_t *marked, *syncing;   /* ids of files marked and still queued, the
                                     first of them: many are synced together */
    size_t marked_count, marked_room, syncing_count;
    struct ledger_head head;      /* to be written */
    uint64_t upto_seq;
    uint64_t last_seq;            /* lines when the last one was made */
    enum { CHECKPOINT_IDLE, CHECKPOINT_WAITING, CHECKPOINT_SYNCING,
           CHECKPOINT_RECORDING, CHECKPOINT_HEAD } doing;
    bool failed;
    bool unsynced;                /* the result is of a sync */
    int result;
    void (*idle)(void *data);     /* one has ended */
    void *data;
};

void checkpoint_init(struct checkpoint *c, struct ledger *l,
                     const struct store *s);

/* A line was appended whose effect is to come; and: those of all lines
 * before seq are done (UINT64_MAX: of all). */
void checkpoint_note(struct checkpoint *c, struct checkpoint_item *item);
void checkpoint_done(struct checkpoint *c, struct checkpoint_item *item,
                     uint64_t seq);

/* The file id was written in place and is still queued. */
void checkpoint_marked(struct checkpoint *c, uint64_t id);

/* Begins one, if something was recorded since the last; false if there is
 * nothing to do. */
bool checkpoint_begin(struct checkpoint *c);

bool checkpoint_idle(const struct checkpoint *c);

#endif
