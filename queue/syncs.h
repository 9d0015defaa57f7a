/* syncs.h - one thread syncs many files at the same time
 *
 * A journal's commit takes all that is asked of it by then.  Files synced one
 * after another come too late for it, and each waits for a flush of the disk
 * of its own; so the kernel is given all of them (io_submit(2)).  Where it
 * doesn't take them they are synced one by one. */
#ifndef QUEUE_SYNCS_H
#define QUEUE_SYNCS_H

#include <linux/aio_abi.h>

enum { SYNCS_MAX = 32 };

/* Zeroed at first, and then used again for other files.  By one thread at a
 * time. */
struct syncs {
    aio_context_t kernel; /* 0: none, or not yet */
    unsigned count;
    int fds[SYNCS_MAX];
    int *results[SYNCS_MAX]; /* borrowed */
    struct iocb calls[SYNCS_MAX];
    unsigned begun;          /* asked of the kernel, not yet ended */
};

/* fd is to be synced, SYNCS_MAX at most; *result will be 0 or a negative
 * errno. */
void syncs_add(struct syncs *y, int fd, int *result);

/* The kernel begins with those that were added, if there are several. */
void syncs_begin(struct syncs *y);

/* Waits until they are synced and the results are there. */
void syncs_end(struct syncs *y);

#endif
