/* commit.h - messages that become durable together
 *
 * A journal makes one commit at a time, and all that is asked of it by then
 * comes with it.  So a batch of messages goes to disk in steps, each for all
 * of them before the next: written, settled, named, synced; and the folder
 * is synced once. */
#ifndef QUEUE_COMMIT_H
#define QUEUE_COMMIT_H

#include <pthread.h>
#include <stdatomic.h>

#include "queue/incoming.h"
#include "queue/syncs.h"

struct commit {
    int fd;     /* of the folder, borrowed */
    bool whole; /* all of its file system is synced */
    bool orders;
    pthread_mutex_t lock;
    atomic_uint failures; /* of its syncs */
};

/* fd is the folder; or, for a user who may not list it and so not open it,
 * whole: another one of its file system.  orders: filesystem_orders. */
void commit_init(struct commit *c, int fd, bool whole, bool orders);

/* A message that is to be stored.  What becomes of one is no concern of the
 * others, but for a failed sync of the folder. */
struct storing {
    struct storing *next;
    struct incoming *in;             /* borrowed; NULL: its name is there,
                                        and only has to be durable */
    const struct envelope *envelope; /* borrowed; NULL: more is to come, and
                                        what is there is spilled */
    uint64_t next_s;                 /* of the first retry */
    int result;                      /* 0, durable; or a negative errno */
    bool named;                      /* by this batch */
};

/* Pool: stores all that are on the list, SYNCS_MAX at most.  A message whose
 * sync or whose folder's failed has no name any more, unless the manager
 * chose its id: he may have found the name and built on it. */
void commit_batch(struct commit *c, struct storing *first,
                  struct syncs *syncs);

#endif
