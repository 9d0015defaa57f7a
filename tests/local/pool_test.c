#include "local/pool.h"

#include "tests/tap.h"

static struct pool pool;
static struct pool_account ann, bob, eve;

static void
begin(unsigned total, unsigned peruser)
{
    pool_init(&pool, total, peruser);
    pool_add(&pool, &ann);
    pool_add(&pool, &bob);
    pool_add(&pool, &eve);
}

static bool
next_is(enum pool_step step, const struct pool_account *who)
{
    struct pool_account *a = NULL;
    enum pool_step got = pool_next(&pool, &a);

    return got == step && (step == POOL_WAIT || a == who);
}

static void
finish(struct pool_account *a)
{
    a->busy--;
    a->idle++;
}

static void
test_reuse(void)
{
    begin(10, 10);
    ok(next_is(POOL_WAIT, NULL), "without mail nothing happens");
    ann.waiting = 1;
    ok(next_is(POOL_FORK, &ann) && ann.busy == 1 && ann.waiting == 0 &&
       next_is(POOL_WAIT, NULL), "the first mail makes a deliverer");
    finish(&ann);
    ok(!pool_isunused(&ann), "which is kept");
    ann.waiting = 2;
    ok(next_is(POOL_USE, &ann) && next_is(POOL_FORK, &ann),
       "and used again before another is made");
}

static void
test_peruser(void)
{
    begin(10, 2);
    ann.waiting = 5;
    ok(next_is(POOL_FORK, &ann) && next_is(POOL_FORK, &ann) &&
       next_is(POOL_WAIT, NULL) && ann.waiting == 3,
       "an account has no more deliverers than peruser");
    bob.waiting = 1;
    ok(next_is(POOL_FORK, &bob), "which delays nobody else");
    ann.busy--, ann.ending++;
    ok(next_is(POOL_WAIT, NULL),
       "one that was killed counts until it is gone");
}

static void
test_turns(void)
{
    begin(10, 10);
    ann.waiting = bob.waiting = 2;
    ok(next_is(POOL_FORK, &ann) && next_is(POOL_FORK, &bob) &&
       next_is(POOL_FORK, &ann) && next_is(POOL_FORK, &bob),
       "accounts take turns");
}

static void
test_room(void)
{
    begin(3, 3);
    ann.waiting = 3;
    while (!next_is(POOL_WAIT, NULL))
        ;
    bob.waiting = 2;
    ok(next_is(POOL_WAIT, NULL), "when all are busy, others wait");
    finish(&ann);
    ok(next_is(POOL_END, &ann) && ann.ending == 1 &&
       next_is(POOL_WAIT, NULL), "an idle one of another account makes room");
    finish(&ann);
    finish(&ann);
    ok(next_is(POOL_END, &ann) && next_is(POOL_WAIT, NULL) && ann.idle == 1,
       "but not more of them than are needed");
    ann.ending--;
    ok(next_is(POOL_FORK, &bob) && next_is(POOL_WAIT, NULL),
       "and the room is used when it is there");
}

static void
test_hoarder(void)
{
    begin(2, 2);
    ann.waiting = 50;
    while (!next_is(POOL_WAIT, NULL))
        ;
    bob.waiting = 50;
    finish(&ann);
    ok(next_is(POOL_END, &ann), "an account with much mail gives one up to "
       "one that has none");
    ok(next_is(POOL_WAIT, NULL), "and keeps the other");
    ann.ending--;
    ok(next_is(POOL_FORK, &bob), "so that both deliver");
    finish(&bob);
    ok(next_is(POOL_USE, &bob), "after that each keeps what it has");
    finish(&ann);
    ok(next_is(POOL_USE, &ann), "and nobody is made and ended in turn");
}

static void
test_unused(void)
{
    begin(1, 1);
    ok(pool_isunused(&ann), "an account without mail and deliverers can go");
    ann.ending = 1;
    ok(!pool_isunused(&ann), "not while one of its deliverers lives");
}

int
main(void)
{
    test_reuse();
    test_peruser();
    test_turns();
    test_room();
    test_hoarder();
    test_unused();
    return tap_end();
}
