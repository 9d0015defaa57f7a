/* load.h - one queue file read into memory, in the pool */
#ifndef QUEUE_LOAD_H
#define QUEUE_LOAD_H

#include "queue/takeup.h"

enum {
    LOAD_AGAIN = 60,       /* seconds until an unreadable file is read again */
    SLOT_AHEAD_MAX = 86400 /* no gap is longer: the clock was wrong then */
};

enum load_kind {
    LOAD_FRESH,
    LOAD_DUE,
    LOAD_FORCED, /* whatever its slot says */
    LOAD_PARKED, /* was due before and is not advanced again */
    LOAD_CANCEL, LOAD_DISCARD,
};

/* Reads id and makes it a message in memory, or notes when it is due, or
 * sets it aside.  Nothing to do if it is in memory, being loaded, locked, or
 * not to be touched in this run.  uid: who cancels. */
void load_begin(struct takeup *t, uint64_t id, enum load_kind kind,
                unsigned uid);

#endif
