/* wire.h - jobs in, reports out: the socket to the manager, on the loop */
#ifndef LOCAL_WIRE_H
#define LOCAL_WIRE_H

#include <sys/queue.h>
#include <uv.h>

#include "base/job.h"

struct wire_report;

struct wire {
    uv_poll_t poll;
    int sock;
    int watched;            /* events that poll waits for */
    bool paused;            /* no jobs for now */
    bool ended;             /* no more jobs, ever */
    bool lost;              /* nobody reads reports any more */
    STAILQ_HEAD(wire_reports, wire_report) out;
    void *data;             /* the caller's */
    /* A datagram.  Takes fd, which is -1 if none came or it was cut. */
    void (*on_job)(struct wire *w, struct view bytes, int fd);
    /* The manager sends nothing more, or is gone. */
    void (*on_end)(struct wire *w);
    /* All reports are out. */
    void (*on_drained)(struct wire *w);
};

/* data and the callbacks are set by the caller before.  0 or a negative
 * errno. */
int wire_open(struct wire *w, uv_loop_t *loop, int sock);

/* Sent by wire_flush, or as soon after it as the socket takes it; in
 * order. */
void wire_report(struct wire *w, const struct report *r);
void wire_flush(struct wire *w);

/* Stops and resumes on_job. */
void wire_pause(struct wire *w, bool pause);

bool wire_isdrained(const struct wire *w);

void wire_close(struct wire *w);

#endif
