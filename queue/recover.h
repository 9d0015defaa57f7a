/* recover.h - what a crash left, put right before anything else is done
 *
 * Blocking, at the manager's start.  Every line of the ledger after the last
 * checkpoint is applied to the files; doing it twice changes nothing. */
#ifndef QUEUE_RECOVER_H
#define QUEUE_RECOVER_H

#include "queue/ledger.h"
#include "queue/store.h"

struct recovered {
    uint64_t base, position;  /* where the ledger goes on */
    struct chain chain;
    bool fresh;               /* in a new segment */
    bool gap;                 /* the old ledger is kept aside: say so */
    char aside[40];           /* its folder in ledger/ */
    struct ledger_head head;
    uint64_t lines;           /* applied */
    uint64_t *twice;          /* ids that were two files: one now broken */
    size_t twice_count;
    uint64_t *marked;         /* ids whose records were written, not synced */
    size_t marked_count;
    uint64_t *unread;         /* ids whose effects could not be applied: not
                                 to be tried before the next start */
    size_t unread_count;
};

/* 0, or a negative errno: the ledger or a folder cannot be read now, so
 * nothing may be delivered (why says what). */
int recover(struct recovered *r, const struct store *s, const char **why);
void recovered_free(struct recovered *r);

#endif
