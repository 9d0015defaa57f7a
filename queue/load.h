/* load.h - queue files read into memory, in the pool, some at a time */
#ifndef QUEUE_LOAD_H
#define QUEUE_LOAD_H

#include "queue/takeup.h"

enum {
    LOAD_BATCH = 16,       /* files a pool job reads */
    LOAD_AGAIN = 60,       /* seconds until an unreadable file is read again */
    SLOT_AHEAD_MAX = 86400 /* no gap is longer: the clock was wrong then */
};

enum load_kind {
    LOAD_FRESH,
    LOAD_DUE,
    LOAD_ASKED,  /* whatever its slot says */
    LOAD_FORCED, /* the same, and its sites have rested enough */
    LOAD_PARKED, /* it waited at a site */
    LOAD_CANCEL, LOAD_DISCARD,
};

/* Will read id and make it a message in memory, or note when it is due, or
 * set it aside.  Nothing to do if it is in memory, being loaded, locked, or
 * not to be touched in this run; nor if it is fresh and waits at a site.  At
 * most LOADING_MAX at once.  uid: who cancels. */
void load_begin(struct takeup *t, uint64_t id, enum load_kind kind,
                unsigned uid);

/* Begins to read what was asked for. */
void load_flush(struct takeup *t);

#endif
