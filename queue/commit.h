/* commit.h - one sync of todo/ for all that were given a name meanwhile
 *
 * A thread of its own syncs the folder whenever somebody asks, for all who
 * asked since its last sync began.  So a message alone waits for nobody; and
 * while one sync is under way, the names that are given meanwhile wait
 * together for the next.  Whoever asked can sync his file at the same time:
 * a journal takes both in one commit. */
#ifndef QUEUE_COMMIT_H
#define QUEUE_COMMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Somebody's wish; in memory of his own until it is fulfilled. */
struct commit_wish {
    struct commit_wish *next;
    pthread_cond_t done;
    bool over;
    int result;
};

struct commit {
    int fd;                     /* of the folder, borrowed */
    bool whole;                 /* its file system is synced */
    pthread_mutex_t lock;
    pthread_cond_t asked;
    struct commit_wish *waiting;
    uint64_t syncs;             /* of the folder, since the start */
};

/* Starts the thread, for as long as the program runs.  fd is the folder; or,
 * for a user who may not list it and so not open it, whole: another one of
 * its file system, all of which is synced.  0 or a negative errno. */
int commit_start(struct commit *c, int fd, bool whole);

/* From any thread but the loop's: what has its name in todo/ now is to be
 * durable.  Does not wait. */
void commit_ask(struct commit *c, struct commit_wish *w);

/* Waits for it.  0, or the negative errno of the sync. */
int commit_await(struct commit *c, struct commit_wish *w);

#endif
