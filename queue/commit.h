/* commit.h - names and files that become durable together
 *
 * A journal makes one commit at a time, and all that is asked of it by then
 * comes with it.  So those who have stored a file meet here: while one batch
 * is being synced the next gathers, and it begins when that has ended and at
 * least as many have come as are still writing.  Then each syncs its own
 * file, all at the same time, and one of them the folder.  Who is alone
 * waits for nobody. */
#ifndef QUEUE_COMMIT_H
#define QUEUE_COMMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "queue/incoming.h"

struct commit {
    int fd;                 /* of the folder, borrowed */
    bool whole;             /* its file system is synced */
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
    uint64_t batch;         /* the number of the one that gathers */
    unsigned coming;        /* are writing, and will come here */
    unsigned waiting;       /* have come */
    unsigned left;          /* of the batch that is being synced */
    bool folder_done;       /* in that one; result is of the folder */
    int result;
    uint64_t syncs;         /* of the folder, since the start */
};

/* fd is the folder; or, for a user who may not list it and so not open it,
 * whole: another one of its file system, all of which is synced. */
void commit_init(struct commit *c, int fd, bool whole);

/* These are for the pool's threads.  One is going to write a file. */
void commit_expect(struct commit *c);

/* It will not come after all. */
void commit_forget(struct commit *c);

/* It has come: what has a name in the folder now, and the content of in if
 * that isn't NULL, is durable.  0, or the negative errno of a sync. */
int commit_sync(struct commit *c, struct incoming *in);

#endif
