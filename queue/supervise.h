/* supervise.h - keeps an instance's programs running until told to stop
 *
 * Nothing here waits for a child: one poll over signals, the manager's start
 * channel and the workers' life pipe. */
#ifndef QUEUE_SUPERVISE_H
#define QUEUE_SUPERVISE_H

#include "queue/instance.h"

enum { REMOTES_MAX = 16 };

/* What start has opened; all descriptors stay its own.  A program that is
 * started again gets the same ones, so no connection is refused between. */
struct supervise_plan {
    const struct instance *instance;
    const char *folder;   /* of the programs */
    int lock;             /* of the spool, held */
    int submit, door, control; /* listening */
    int todo;             /* the folder, open */
    unsigned remotes;     /* godwit-remotes, 1 to REMOTES_MAX */
    unsigned drain;       /* seconds workers may outlive their manager */
    unsigned stop;        /* seconds all have to end after TERM */
    unsigned still;       /* seconds a worker may be stopped by a signal */
    const char *notify_socket; /* NULL: none */
    int ready_fd;         /* -1: none; taken */
};

/* Blocks the signals that supervise_run takes up, so that none is lost
 * between; before anything is opened. */
void supervise_signals(void);

/* Runs until TERM or INT; the exit code: 0 if every program ended cleanly,
 * else 111. */
int supervise_run(const struct supervise_plan *plan);

#endif
