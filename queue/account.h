/* account.h - the balance: who was accepted, what became of him
 *
 * Pure.  It is fed the lines of the ledger and the names in the folders, and
 * remembers what is open: memory follows the queue, not the ledger.  What
 * cannot be right whatever comes later is a fault at once; what may only not
 * have been seen yet (the manager works meanwhile) is a doubt, and becomes a
 * fault when the account is ended. */
#ifndef QUEUE_ACCOUNT_H
#define QUEUE_ACCOUNT_H

#include "queue/store.h"

struct account_fault {
    uint64_t id;
    int64_t rcpt;        /* index; -1: the message as a whole */
    uint64_t position;   /* of the line it is about */
    const char *why;
    uint64_t other;      /* of an earlier line that it contradicts, the one
                            that accepted; with lines missing at the end, the
                            signed position.  0: none */
};

struct account_sum {
    uint64_t messages, rcpts;
};

struct account {
    /* Set by the caller. */
    void (*fault)(void *data, const struct account_fault *f);
    void *data;
    uint64_t began_ms;   /* when the reading began, on the clock */
    bool partial;        /* what was before the ledger's begin is not known:
                            lines without accept are counted alone */

    struct account_entry *entries;
    struct account_sum accepted, removed;
    uint64_t delivered, bounced, unwanted; /* recipients; unwanted: bounced
                                              without a bounce message */
    uint64_t deferrals;
    uint64_t before;     /* lines about messages accepted before the begin */
    uint64_t faults;
};

/* One line of the ledger, in its order. */
void account_line(struct account *a, struct view text, uint64_t ms,
                  uint64_t position);

/* The folders are listed anew: todo/, info/, then broken/. */
void account_relist(struct account *a);
void account_listed(struct account *a, enum place place, uint64_t id);

/* How many messages do not add up so far. */
size_t account_doubts(const struct account *a);

/* What is open at the end; each recipient accepted and without an outcome is
 * in one of them. */
struct account_end {
    struct account_sum queued; /* in todo/ or info/ */
    struct account_sum aside;  /* in broken/ alone */
    uint64_t unrecorded;       /* messages kept whose accept line is not
                                  written yet, or not known */
};

/* Turns doubts into faults and counts what is open. */
void account_end(struct account *a, struct account_end *end);

void account_free(struct account *a);

#endif
