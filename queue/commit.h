/* commit.h - one sync of todo/ for all messages that wait for it
 *
 * A message's file is synced by its own pool job; the names of all that were
 * given one since the last sync become durable together.  The batch adapts:
 * a message alone waits for nobody, and while many files are still being
 * written the folder waits for a quarter of them. */
#ifndef QUEUE_COMMIT_H
#define QUEUE_COMMIT_H

#include <uv.h>

#include "queue/incoming.h"

/* Stands in the struct that waits. */
struct commit_entry {
    struct commit_entry *next;
    struct incoming *incoming;
    bool keep; /* the name may be known already: never take it away */
    /* r: 0, the name is durable; else the negative errno of the sync, and
     * the name was taken away again, or is kept. */
    void (*done)(struct commit_entry *e, int r);
};

struct commit {
    uv_loop_t *loop;
    uv_work_t work;
    const struct todo *todo;
    struct commit_entry *waiting, *syncing;
    unsigned waiting_count;
    unsigned linking; /* files being written that will come here */
    bool busy;
    int result;
    void (*synced)(struct commit *c, const struct commit_entry *first);
    uint64_t syncs; /* of the folder, since the start */
};

/* synced is called after each good sync, before the entries' own done. */
void commit_init(struct commit *c, uv_loop_t *loop, const struct todo *todo,
                 void (*synced)(struct commit *,
                                const struct commit_entry *));

/* A file is about to be written, or will not come after all. */
void commit_expect(struct commit *c);
void commit_forget(struct commit *c);

/* It has its name (what was expected has come). */
void commit_add(struct commit *c, struct commit_entry *e);

#endif
