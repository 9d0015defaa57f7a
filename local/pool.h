/* pool.h - who gets a deliverer next
 *
 * Bookkeeping alone: counts of deliverers and of waiting mail, by account.
 * Nobody waits because another account has much mail or a slow disk: an
 * account has at most peruser deliverers, total deliver at a time, not
 * counting those that take long, and the account that waits longest for its
 * turn comes first.  At most resident
 * deliverers live; one of those idle longest makes room for an account that
 * has none.  A step costs the same however many accounts there are.
 *
 * Where a disk answers quickly, an account's mail is delivered several at a
 * time by each of few deliverers, for they wait for the disk together:
 * another begins when as much waits as deliverers are busy.  Where it does
 * not, one at a time by each of many. */
#ifndef LOCAL_POOL_H
#define LOCAL_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    POOL_MOST = 16,         /* deliveries that one is given at once */
    POOL_QUICK_MS = 50,     /* for all of them */
};

/* What a deliverer does. */
enum pool_state {
    POOL_NONE,              /* not born, or gone */
    POOL_IDLE,
    POOL_BUSY,
    POOL_SLOW,              /* busy for long: nobody waits for its place */
    POOL_ENDING,            /* told to end while idle */
    POOL_KILLED,            /* while busy: it may still be delivering */
    POOL_STATES
};

/* Where an account stands; it is in one list. */
enum pool_place {
    POOL_AWAY,              /* in none: nothing to do, or nothing possible */
    POOL_USABLE,            /* has waiting mail and an idle deliverer */
    POOL_FIRST,             /* waiting mail, no deliverer at all */
    POOL_MORE,              /* waiting mail, could use one more */
    POOL_PROMISED,          /* gets the place of one that is ending */
    POOL_SPARE,             /* idle deliverers, no mail */
    POOL_PLACES
};

/* Lives in the struct that knows the account. */
struct pool_account {
    TAILQ_ENTRY(pool_account) link;
    enum pool_place place;
    unsigned waiting;       /* deliveries without a deliverer */
    unsigned most;          /* deliveries for one deliverer at once */
    unsigned living;        /* deliverers */
    unsigned count[POOL_STATES]; /* of them, by state */
    uint64_t turn;          /* when it was served last */
};

TAILQ_HEAD(pool_accounts, pool_account);

struct pool {
    unsigned total;         /* the most busy ones, in all */
    unsigned peruser;       /* the most deliverers of one account */
    unsigned resident;      /* the most deliverers, at least total */
    unsigned promised;      /* accounts in POOL_PROMISED */
    unsigned living;
    unsigned count[POOL_STATES];
    uint64_t turns;
    struct pool_accounts places[POOL_PLACES];
};

enum pool_step {
    POOL_WAIT,              /* nothing to do until something changes */
    POOL_USE,               /* an idle deliverer takes a waiting delivery */
    POOL_FORK,              /* a new one does */
    POOL_END,               /* an idle deliverer makes room for others */
};

void pool_init(struct pool *p, unsigned total, unsigned peruser,
               unsigned resident);
void pool_add(struct pool *p, struct pool_account *a);
void pool_remove(struct pool *p, struct pool_account *a);

/* A delivery waits; waits no more. */
void pool_admit(struct pool *p, struct pool_account *a);
void pool_withdraw(struct pool *p, struct pool_account *a);

/* A deliverer of the account goes from one state to another. */
void pool_move(struct pool *p, struct pool_account *a, enum pool_state from,
               enum pool_state to);

/* A deliverer of the account took ms for what it was given; did not come to
 * the end of it, or takes long. */
void pool_learn(struct pool_account *a, uint64_t ms);
void pool_distrust(struct pool_account *a);

/* No more deliverers can be made: one of *a that is idle, and has been for
 * long, is counted as ending.  false: there is none whom nothing waits for. */
bool pool_shed(struct pool *p, struct pool_account **a);

/* Nothing waits for the account and no deliverer of it is left. */
bool pool_isunused(const struct pool_account *a);

/* The next step and the account it concerns; the counts are already those
 * after it.  To be called until it says POOL_WAIT. */
enum pool_step pool_next(struct pool *p, struct pool_account **a);

#endif
