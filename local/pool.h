/* pool.h - who gets a deliverer next
 *
 * Bookkeeping alone: counts of deliverers and of waiting mail, by account.
 * Nobody waits because another account has much mail or a slow disk: an
 * account has at most peruser deliverers, all have total, and the account
 * served longest ago comes first. */
#ifndef LOCAL_POOL_H
#define LOCAL_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Lives in the struct that knows the account. */
struct pool_account {
    TAILQ_ENTRY(pool_account) link;
    unsigned waiting;       /* deliveries without a deliverer */
    unsigned idle;          /* deliverers, by what they do */
    unsigned busy;
    unsigned ending;        /* told to end, or killed; not yet gone */
    uint64_t turn;          /* when it was served last */
};

struct pool {
    unsigned total;         /* the most deliverers, in all */
    unsigned peruser;       /* and of one account */
    uint64_t turns;
    TAILQ_HEAD(pool_accounts, pool_account) accounts;
};

enum pool_step {
    POOL_WAIT,              /* nothing to do until something changes */
    POOL_USE,               /* an idle deliverer takes a waiting delivery */
    POOL_FORK,              /* a new one does */
    POOL_END,               /* an idle deliverer makes room for others */
};

void pool_init(struct pool *p, unsigned total, unsigned peruser);
void pool_add(struct pool *p, struct pool_account *a);
void pool_remove(struct pool *p, struct pool_account *a);

/* Nothing waits for the account and no deliverer of it is left. */
bool pool_isunused(const struct pool_account *a);

/* The next step and the account it concerns; the counts are already those
 * after it.  To be called until it says POOL_WAIT. */
enum pool_step pool_next(struct pool *p, struct pool_account **a);

#endif
