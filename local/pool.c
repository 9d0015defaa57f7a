#include "local/pool.h"

#include <string.h>

void
pool_init(struct pool *p, unsigned total, unsigned peruser)
{
    memset(p, 0, sizeof *p);
    p->total = total;
    p->peruser = peruser;
    TAILQ_INIT(&p->accounts);
}

void
pool_add(struct pool *p, struct pool_account *a)
{
    memset(a, 0, sizeof *a);
    TAILQ_INSERT_TAIL(&p->accounts, a, link);
}

void
pool_remove(struct pool *p, struct pool_account *a)
{
    TAILQ_REMOVE(&p->accounts, a, link);
}

static unsigned
deliverers(const struct pool_account *a)
{
    return a->idle + a->busy + a->ending;
}

/* How many more deliverers a could use. */
static unsigned
wanted(const struct pool *p, const struct pool_account *a)
{
    unsigned free = p->peruser - deliverers(a);

    return a->waiting < free ? a->waiting : free;
}

bool
pool_isunused(const struct pool_account *a)
{
    return a->waiting == 0 && deliverers(a) == 0;
}

/* Served longest ago among those with waiting mail and turns after last. */
static struct pool_account *
next_waiting(struct pool *p, const struct pool_account *last)
{
    struct pool_account *a, *best = NULL;
    bool behind = last == NULL;

    /* Accounts never served share turn 0; their order is that of the list. */
    TAILQ_FOREACH(a, &p->accounts, link) {
        bool later = !last || a->turn > last->turn ||
                     (a->turn == last->turn && behind);

        if (a == last)
            behind = true;
        else if (a->waiting && later && (!best || a->turn < best->turn))
            best = a;
    }
    return best;
}

/* An account that can do without one of its idle deliverers: best one that
 * nothing waits for; where taker's need is urgent, else the one with the
 * most. */
static struct pool_account *
donor(struct pool *p, const struct pool_account *taker, bool urgent)
{
    struct pool_account *a, *best = NULL;

    TAILQ_FOREACH(a, &p->accounts, link) {
        if (a == taker || a->idle == 0)
            continue;
        if (!best || (best->waiting && !a->waiting) ||
            (!best->waiting == !a->waiting &&
             deliverers(a) > deliverers(best)))
            best = a;
    }
    return best && best->waiting && !urgent ? NULL : best;
}

enum pool_step
pool_next(struct pool *p, struct pool_account **who)
{
    unsigned all = 0, promised = 0;
    struct pool_account *a, *d;

    TAILQ_FOREACH(a, &p->accounts, link) {
        all += deliverers(a);
        promised += a->ending;
    }
    for (a = next_waiting(p, NULL); a; a = next_waiting(p, a)) {
        *who = a;
        if (a->idle) {
            a->idle--;
            a->busy++;
            a->waiting--;
            a->turn = ++p->turns;
            return POOL_USE;
        }
        if (deliverers(a) >= p->peruser)
            continue;
        if (all < p->total) {
            a->busy++;
            a->waiting--;
            a->turn = ++p->turns;
            return POOL_FORK;
        }
        /* Those who are ending already make room for some of it. */
        if (promised >= wanted(p, a)) {
            promised -= wanted(p, a);
            continue;
        }
        if ((d = donor(p, a, !promised && !deliverers(a)))) {
            d->idle--;
            d->ending++;
            *who = d;
            return POOL_END;
        }
        promised = 0;
    }
    return POOL_WAIT;
}
