/* child.h - one supervised program: how it is started and started again */
#ifndef QUEUE_CHILD_H
#define QUEUE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/jail.h"

enum {
    CHILD_FDS_MAX = 8,
    CHILD_PROVEN_MS = 10 * 1000,  /* who lived longer is started at once */
    CHILD_DELAY_MIN_MS = 100,
    CHILD_DELAY_MAX_MS = 30 * 1000,
};

/* {.program = NAME} is one that has to be started.  Moments are
 * milliseconds of one clock that never goes back. */
struct child {
    const char *program;  /* borrowed */
    pid_t pid;            /* 0: not running */
    uint64_t started_ms;
    uint64_t stopped_ms;  /* since when a signal has it stopped; 0: it runs */
    uint64_t due_ms;      /* when it may be started */
    unsigned delay_ms;    /* of the last restart */
};

struct child_plan {
    const char *folder;            /* of the programs */
    const char *argument;          /* NULL: none */
    const struct jail_user *user;  /* NULL: ours */
    int fds[CHILD_FDS_MAX];        /* become 3, 4, ... */
    unsigned fd_count;
    mode_t umask;
    bool execs;  /* starts programs of others: keeps its rights to, and
                    default signals; else HUP and ALRM are ignored until
                    it asks for them */
};

/* Starts it: 0 is what we have, 1 and 2 our standard error, 3 and on the
 * plan's, nothing else open; no core files, a process group of its own.  0,
 * or a negative errno after which it counts as one that died.  A failure
 * within the new process is a line of its own and exit 111. */
int child_start(struct child *c, const struct child_plan *p,
                uint64_t now_ms);

/* It ended with this wait status: one log line, and when it is due again.
 * fault: not because it was told to, so it may have to wait. */
void child_ended(struct child *c, int status, bool fault, uint64_t now_ms);

/* It could not even be tried: the same as one that died at birth. */
void child_failed(struct child *c, uint64_t now_ms);

/* The wait before the restart of one that lived this long, after a wait of
 * last_ms before its last start.  Pure. */
unsigned child_delay(unsigned last_ms, uint64_t lived_ms);

#endif
