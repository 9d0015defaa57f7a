/* filter.h - runs a program with qmail-queue's interface
 *
 * The message goes to its descriptor 0; the envelope, "F" sender NUL, "T"
 * recipient NUL for each, NUL, to 1; words for exit code 82 come from 6.  A
 * program that dies or cannot be run is LATER. */
#ifndef INJECT_FILTER_H
#define INJECT_FILTER_H

#include <sys/types.h>

#include "base/verdict.h"
#include "inject/rcpts.h"

struct filter {
    pid_t pid;
    int message, envelope, words; /* our ends of its pipes; -1: closed */
    bool failed;                  /* it reads no more */
};

/* DONE or LATER.  SIGPIPE must be ignored. */
enum verdict filter_start(struct filter *f, const char *path,
                          struct outcome *o);

/* Bytes of the message.  False: it reads no more; the end tells why. */
bool filter_content(struct filter *f, struct view bytes);

/* The envelope, then waits for it to exit.  Addresses are written as qmail
 * does, local parts without quotes. */
enum verdict filter_end(struct filter *f, struct view sender,
                        const struct rcpts *rcpts, struct outcome *o);

/* Ends it without an envelope, so that it queues nothing. */
void filter_abort(struct filter *f);

/* What qmail-queue's exit code means: DONE for 0, NEVER for 11 to 40, else
 * LATER, with words for each code that has some.  Pure. */
enum verdict filter_outcome(int code, struct outcome *o);

#endif
