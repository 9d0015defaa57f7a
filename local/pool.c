#include "local/pool.h"

#include <string.h>

void
pool_init(struct pool *p, unsigned total, unsigned peruser, unsigned resident)
{
    memset(p, 0, sizeof *p);
    p->total = total;
    p->peruser = peruser;
    p->resident = resident > total ? resident : total;
    for (int i = 0; i < POOL_PLACES; i++)
        TAILQ_INIT(&p->places[i]);
}

static void
leave(struct pool *p, struct pool_account *a)
{
    if (a->place != POOL_AWAY)
        TAILQ_REMOVE(&p->places[a->place], a, link);
    if (a->place == POOL_PROMISED)
        p->promised--;
    a->place = POOL_AWAY;
}

static void
enter(struct pool *p, struct pool_account *a, enum pool_place place)
{
    leave(p, a);
    a->place = place;
    if (place != POOL_AWAY)
        TAILQ_INSERT_TAIL(&p->places[place], a, link);
    if (place == POOL_PROMISED)
        p->promised++;
}

/* More goes together when those that are busy are done. */
static bool
gathers(const struct pool_account *a)
{
    return a->most > 1 && a->waiting < a->count[POOL_BUSY];
}

static enum pool_place
place_of(const struct pool *p, const struct pool_account *a)
{
    if (!a->waiting)
        return a->count[POOL_IDLE] ? POOL_SPARE : POOL_AWAY;
    if (gathers(a))
        return POOL_AWAY;
    if (a->count[POOL_IDLE])
        return POOL_USABLE;
    if (a->living >= p->peruser)
        return POOL_AWAY;
    if (a->place == POOL_PROMISED)
        return POOL_PROMISED;
    return a->living ? POOL_MORE : POOL_FIRST;
}

/* Where it stood before it keeps its place in the line. */
static void
settle(struct pool *p, struct pool_account *a)
{
    enum pool_place place = place_of(p, a);

    if (place != a->place)
        enter(p, a, place);
}

/* One who comes anew, as those do who have little mail, is behind those who
 * wait already. */
void
pool_add(struct pool *p, struct pool_account *a)
{
    memset(a, 0, sizeof *a);
    a->turn = p->turns;
    a->most = 1;
    settle(p, a);
}

void
pool_remove(struct pool *p, struct pool_account *a)
{
    leave(p, a);
}

void
pool_admit(struct pool *p, struct pool_account *a)
{
    a->waiting++;
    settle(p, a);
}

void
pool_withdraw(struct pool *p, struct pool_account *a)
{
    a->waiting--;
    settle(p, a);
}

static void
count(struct pool *p, struct pool_account *a, enum pool_state state, int by)
{
    if (state == POOL_NONE)
        return;
    a->count[state] += (unsigned)by;
    a->living += (unsigned)by;
    p->count[state] += (unsigned)by;
    p->living += (unsigned)by;
}

void
pool_move(struct pool *p, struct pool_account *a, enum pool_state from,
          enum pool_state to)
{
    count(p, a, from, -1);
    count(p, a, to, 1);
    settle(p, a);
}

void
pool_learn(struct pool_account *a, uint64_t ms)
{
    if (ms > POOL_QUICK_MS)
        a->most = (a->most + 1) / 2;
    else if (a->most < POOL_MOST)
        a->most *= 2;
}

void
pool_distrust(struct pool_account *a)
{
    a->most = 1;
}

bool
pool_isunused(const struct pool_account *a)
{
    return a->waiting == 0 && a->living == 0;
}

bool
pool_shed(struct pool *p, struct pool_account **who)
{
    *who = TAILQ_FIRST(&p->places[POOL_SPARE]);
    if (*who)
        pool_move(p, *who, POOL_IDLE, POOL_ENDING);
    return *who != NULL;
}

static enum pool_step
serve(struct pool *p, struct pool_account *a, enum pool_step step)
{
    leave(p, a);
    a->waiting--;
    a->turn = ++p->turns;
    pool_move(p, a, step == POOL_USE ? POOL_IDLE : POOL_NONE, POOL_BUSY);
    return step;
}

/* Whose idle deliverer makes room: best one that nothing waits for; where
 * taker has none at all, also one whose turn is farthest away. */
static struct pool_account *
donor(struct pool *p, const struct pool_account *taker)
{
    struct pool_account *a = TAILQ_FIRST(&p->places[POOL_SPARE]);

    if (!a && taker->living == 0)
        a = TAILQ_LAST(&p->places[POOL_USABLE], pool_accounts);
    return a;
}

/* Room for a new deliverer of a, who has no idle one.  POOL_WAIT: none yet;
 * a has moved on if it was promised some.  Nobody is ended for what those
 * who are ending already will give. */
static enum pool_step
make_room(struct pool *p, struct pool_account *a, struct pool_account **who)
{
    struct pool_account *d = NULL;

    if (p->living < p->resident)
        return serve(p, a, POOL_FORK);
    if (p->count[POOL_ENDING] <= p->promised && !(d = donor(p, a)))
        return POOL_WAIT;
    enter(p, a, POOL_PROMISED);
    if (!d)
        return POOL_WAIT;
    *who = d;
    pool_move(p, d, POOL_IDLE, POOL_ENDING);
    return POOL_END;
}

/* Of the first in each line the one who was served longest ago; lines of
 * those who could not be helped are shut. */
static struct pool_account *
longest_ago(struct pool *p, const bool *shut)
{
    struct pool_account *best = NULL;

    for (int i = POOL_USABLE; i <= POOL_MORE; i++) {
        struct pool_account *a = TAILQ_FIRST(&p->places[i]);

        if (a && !shut[i] && (!best || a->turn < best->turn))
            best = a;
    }
    return best;
}

enum pool_step
pool_next(struct pool *p, struct pool_account **who)
{
    bool shut[POOL_PLACES] = {false};
    struct pool_account *a;
    enum pool_step step;

    if (p->count[POOL_BUSY] >= p->total)
        return POOL_WAIT;
    *who = a = TAILQ_FIRST(&p->places[POOL_PROMISED]);
    if (a && p->living < p->resident)
        return serve(p, a, POOL_FORK);
    while ((a = longest_ago(p, shut))) {
        enum pool_place place = a->place;

        *who = a;
        if (place == POOL_USABLE)
            return serve(p, a, POOL_USE);
        if ((step = make_room(p, a, who)) != POOL_WAIT)
            return step;
        shut[place] = a->place == place;
    }
    return POOL_WAIT;
}
