#include "local/resident.h"

#include <stdlib.h>

#include "base/mem.h"

struct resident *
resident_find(struct residents *all, struct pool *pool,
              const struct account *account)
{
    struct resident_bucket *bucket =
        &all->buckets[account->uid % RESIDENT_BUCKETS];
    struct resident *a;

    LIST_FOREACH(a, bucket, link)
        if (account_equal(&a->account, account))
            return a;
    a = mem_alloc(sizeof *a);
    pool_add(pool, &a->pool);
    account_copy(&a->account, account);
    STAILQ_INIT(&a->waiting);
    TAILQ_INIT(&a->idle);
    LIST_INSERT_HEAD(bucket, a, link);
    return a;
}

void
resident_leave(struct resident *a, struct pool *pool)
{
    if (!pool_isunused(&a->pool))
        return;
    pool_remove(pool, &a->pool);
    LIST_REMOVE(a, link);
    account_free(&a->account);
    free(a);
}

void
resident_move(struct resident *a, struct pool *pool, struct deliverer *d,
              enum pool_state to)
{
    enum pool_state from = (enum pool_state)d->state;

    if (from == POOL_IDLE)
        TAILQ_REMOVE(&a->idle, d, link);
    if (to == POOL_IDLE)
        TAILQ_INSERT_HEAD(&a->idle, d, link);
    d->state = to;
    pool_move(pool, &a->pool, from, to);
}
