/* life.h - whether those who may still deliver are gone
 *
 * Each worker gets the write end of a pipe nobody writes to and hands it to
 * its deliverers; when the read end shows its end, none of them lives. */
#ifndef QUEUE_LIFE_H
#define QUEUE_LIFE_H

#include <stdbool.h>

struct life {
    int read, write; /* -1: closed */
};

/* A new pipe.  0 or a negative errno. */
int life_open(struct life *l);

/* Closes our own write end: from now on the end can come. */
void life_leave(struct life *l);

/* Whether the end came (or nothing was open); then l is closed. */
bool life_over(struct life *l);

/* Kills those of our children (also those that became ours when their
 * parent died) that hold the write end, with a log line each.  Their own
 * children become ours then, so it has to be called until life_over. */
void life_kill(const struct life *l);

#endif
