/* deliveries.h - the jobs in hand: each from its datagram to its last report
 *
 * A job looks for an idle session of its destination; without one, or when
 * that turns out dead, it tries the destination's addresses in order. */
#ifndef REMOTE_DELIVERIES_H
#define REMOTE_DELIVERIES_H

#include <sys/queue.h>

#include "remote/channel.h"
#include "remote/mx.h"
#include "remote/sessions.h"

enum {
    DELIVERY_TIME = 2 * 60 * 60, /* seconds for a job, and besides */
    DELIVERY_RATE = 8192,        /* a second for this many bytes */
};

struct delivery;

struct deliveries {
    struct sessions *sessions; /* borrowed */
    struct channel *channel;   /* borrowed */
    const struct mx_source *mx; /* borrowed */
    LIST_HEAD(, delivery) list;
    unsigned count;            /* in memory */
    unsigned open;             /* with recipients not reported yet */
    bool stopping;             /* the manager has ended */
    void (*on_end)(struct deliveries *d); /* one is over */
    void *owner;
};

/* Takes a job: bytes for the call, fd (-1: it did not come) for good.  What
 * cannot be read or done is reported LATER. */
void delivery_start(struct deliveries *all, struct view bytes, int fd);

/* Ends all that have not sent a final dot; those report when answered. */
void deliveries_stop(struct deliveries *all);

#endif
