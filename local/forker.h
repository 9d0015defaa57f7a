/* forker.h - the process that forks deliverers
 *
 * It is made first, while the program has no threads and knows nobody's
 * mail, and does nothing else: a fork of it is quick, holds up no loop, and
 * copies neither. */
#ifndef LOCAL_FORKER_H
#define LOCAL_FORKER_H

#include "local/child.h"

enum { FORKER_PATIENCE = 10 }; /* seconds until it takes what it is told */

/* What becomes of a deliverer. */
struct forker_event {
    uint64_t number;        /* as given to forker_ask */
    int status;             /* of wait(2); or a negative errno: not born */
};

/* *sock is what the others want.  Deliverers are made by f, whose account is
 * not looked at; each keeps life.  The process ends when sock does.  0 or a
 * negative errno. */
int forker_start(const struct child_facts *f, int life, int *sock);

/* Asks for a deliverer, called number (never used before), that becomes
 * account and serves jobs.  0 or a negative errno.  Both this and
 * forker_kill end the program if the process does not read. */
int forker_ask(int sock, uint64_t number, const struct account *account,
               int jobs);

/* Kills it, unless its end was reported. */
void forker_kill(int sock, uint64_t number);

/* The next event: 1; 0: none yet; -EPIPE: the process is gone. */
int forker_read(int sock, struct forker_event *e);

#endif
