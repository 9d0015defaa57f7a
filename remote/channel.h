/* channel.h - our end of the manager's socket: jobs in, reports out */
#ifndef REMOTE_CHANNEL_H
#define REMOTE_CHANNEL_H

#include <sys/queue.h>
#include <uv.h>

#include "base/job.h"

struct channel_report;

struct channel {
    uv_poll_t poll;
    int sock;
    int watched;              /* events the poll waits for; 0: stopped */
    struct buf in;            /* one datagram at a time */
    /* Reports the socket had no room for, oldest first. */
    STAILQ_HEAD(, channel_report) waiting;
    bool paused;              /* no jobs wanted now */
    bool ended;               /* the manager sends no more */
    bool gone;                /* nobody reads reports any more */
    bool closed;
    /* bytes: valid for the call; fd: taken, or -1 if none came whole. */
    void (*on_job)(struct channel *c, struct view bytes, int fd);
    /* The manager has ended; jobs already sent still follow. */
    void (*on_end)(struct channel *c);
    /* Ended, and no report waits. */
    void (*on_flushed)(struct channel *c);
    void *owner;
};

/* Serves sock, which becomes non-blocking.  0 or a negative errno. */
int channel_open(struct channel *c, uv_loop_t *loop, int sock);

/* Sends a report or keeps it until there is room; where the manager is gone
 * it is logged. */
void channel_report(struct channel *c, const struct report *r);

/* No more jobs until it is called with false.  Once the manager has ended,
 * the jobs still there are handed out all the same. */
void channel_pause(struct channel *c, bool pause);

/* Whether all was sent that can be. */
bool channel_flushed(const struct channel *c);

/* Ends the handle; the loop may end once it has run. */
void channel_close(struct channel *c);

#endif
