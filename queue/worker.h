/* worker.h - one delivery program: its socket, jobs to it, reports from it
 *
 * What becomes of a job is the channel's: it is told of each report, and of
 * the jobs that were open when a worker ended. */
#ifndef QUEUE_WORKER_H
#define QUEUE_WORKER_H

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"

struct channel;
struct delivery;
struct site;

struct worker {
    uv_poll_t poll;
    struct channel *channel;
    int fd;
    struct buf in;                 /* one datagram at a time */
    struct delivery *open;         /* the channel's list of its jobs */
    struct worker *next;
    unsigned place;                /* the lowest that was free */
    bool closing, blocked, shut;   /* blocked: its socket is full */
};

/* Takes fd: one that start has made is the channel's from now on, until it
 * ends.  False, with a log line, where it cannot be watched. */
bool worker_add(struct channel *c, int fd);

/* To whom the site's jobs go: each site has its own order of the places, and
 * takes the first of them that lives.  So a worker's end moves its own sites
 * alone, and its successor gets them back.  NULL: nobody lives. */
struct worker *worker_of(const struct site *s);

/* Sends the job, under a new number.  False: not now, or not to this one,
 * and it knows. */
bool worker_send(struct worker *w, struct delivery *d);

/* It gets no more jobs and is to end; its last reports still come. */
void worker_finish(struct worker *w);

#endif
