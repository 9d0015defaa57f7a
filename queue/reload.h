/* reload.h - what the manager reads in control/, at its start and at HUP
 *
 * Bounces being made read the settings in the pool: those of before stay
 * until no such bounce is left, and only then others are read again. */
#ifndef QUEUE_RELOAD_H
#define QUEUE_RELOAD_H

#include "queue/manager.h"

struct reload {
    struct manager *manager;
    const char *control;      /* the folder, borrowed */
    struct settings retired;  /* a bounce may still read them */
    bool has_retired, asked;  /* asked: for another reload meanwhile */
};

/* Reads the settings and ways of m, and the key that signs the ledger.  0, or
 * a negative errno and why. */
int reload_first(struct reload *r, struct manager *m, const char *control,
                 unsigned char *secret, struct buf *why);

/* Reads settings and ways anew, now or as soon as that can be; what is wrong
 * in them leaves the old ones.  All sites are tried again then. */
void reload_ask(struct reload *r);

/* What had to wait; once a second. */
void reload_tick(struct reload *r);

#endif
