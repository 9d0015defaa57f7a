/* resident.h - accounts with mail or deliverers, found by hash */
#ifndef LOCAL_RESIDENT_H
#define LOCAL_RESIDENT_H

#include "local/deliverer.h"
#include "local/message.h"
#include "local/pool.h"

enum { RESIDENT_BUCKETS = 1024 };

/* A recipient on his way to a deliverer. */
struct task {
    STAILQ_ENTRY(task) link;
    struct message *message;
    uint32_t rcpt;
};

STAILQ_HEAD(tasks, task);
TAILQ_HEAD(deliverers, deliverer);
LIST_HEAD(resident_bucket, resident);

struct resident {
    struct pool_account pool; /* first: the pool hands these out */
    LIST_ENTRY(resident) link;
    struct account account;
    struct crew *crew;        /* the caller's */
    struct tasks waiting;
    struct deliverers idle;   /* used last: first */
};

/* {0} is empty. */
struct residents {
    struct resident_bucket buckets[RESIDENT_BUCKETS];
};

/* The one that has exactly this account, made where there is none.  Two
 * accounts that differ in anything are two: nobody gets a deliverer with the
 * groups or home of before. */
struct resident *resident_find(struct residents *all, struct pool *pool,
                               const struct account *account);

/* Frees it if nothing waits for it and it has no deliverer. */
void resident_leave(struct resident *a, struct pool *pool);

/* Its deliverer goes from one state to another. */
void resident_move(struct resident *a, struct pool *pool,
                   struct deliverer *d, enum pool_state to);

#endif
