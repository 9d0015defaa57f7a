#include "local/pool.h"

#include "tests/tap.h"

static struct pool pool;
static struct pool_account ann, bob, eve;

static void
begin_resident(unsigned total, unsigned peruser, unsigned resident)
{
    pool_init(&pool, total, peruser, resident);
    pool_add(&pool, &ann);
    pool_add(&pool, &bob);
    pool_add(&pool, &eve);
}

static void
begin(unsigned total, unsigned peruser)
{
    begin_resident(total, peruser, total);
}

static void
wait_for(struct pool_account *a, unsigned mail)
{
    while (mail--)
        pool_admit(&pool, a);
}

static bool
next_is(enum pool_step step, const struct pool_account *who)
{
    struct pool_account *a = NULL;
    enum pool_step got = pool_next(&pool, &a);

    return got == step && (step == POOL_WAIT || a == who);
}

static void
move(struct pool_account *a, enum pool_state from, enum pool_state to)
{
    pool_move(&pool, a, from, to);
}

static void
finish(struct pool_account *a)
{
    move(a, POOL_BUSY, POOL_IDLE);
}

static void
end(struct pool_account *a)
{
    move(a, POOL_ENDING, POOL_NONE);
}

static void
test_reuse(void)
{
    begin(10, 10);
    ok(next_is(POOL_WAIT, NULL), "without mail nothing happens");
    wait_for(&ann, 1);
    ok(next_is(POOL_FORK, &ann) && ann.count[POOL_BUSY] == 1 && ann.waiting == 0 &&
       next_is(POOL_WAIT, NULL), "the first mail makes a deliverer");
    finish(&ann);
    ok(!pool_isunused(&ann), "which is kept");
    wait_for(&ann, 2);
    ok(next_is(POOL_USE, &ann) && next_is(POOL_FORK, &ann),
       "and used again before another is made");
}

static void
test_peruser(void)
{
    begin(10, 2);
    wait_for(&ann, 5);
    ok(next_is(POOL_FORK, &ann) && next_is(POOL_FORK, &ann) &&
       next_is(POOL_WAIT, NULL) && ann.waiting == 3,
       "an account has no more deliverers than peruser");
    wait_for(&bob, 1);
    ok(next_is(POOL_FORK, &bob), "which delays nobody else");
    move(&ann, POOL_BUSY, POOL_KILLED);
    ok(next_is(POOL_WAIT, NULL),
       "one that was killed counts until it is gone");
}

/* Disks that hang: three accounts have all that may deliver at a time. */
static void
test_slow(void)
{
    struct pool_account *hung[] = {&ann, &bob, &eve}, fay;

    begin_resident(6, 2, 9);
    pool_add(&pool, &fay);
    for (int i = 0; i < 3; i++)
        wait_for(hung[i], 10);
    while (!next_is(POOL_WAIT, NULL))
        ;
    wait_for(&fay, 5);
    ok(pool.count[POOL_BUSY] == 6 && next_is(POOL_WAIT, NULL),
       "three accounts are busy, and others wait for a moment");
    move(&ann, POOL_BUSY, POOL_SLOW);
    ok(next_is(POOL_FORK, &fay) && next_is(POOL_WAIT, NULL),
       "the place of one that takes long is another account's");
    for (int i = 0; i < 3; i++)
        while (hung[i]->count[POOL_BUSY])
            move(hung[i], POOL_BUSY, POOL_SLOW);
    ok(next_is(POOL_FORK, &fay) && next_is(POOL_WAIT, NULL) &&
       ann.living == 2, "but those that hang get no more of them");
    move(&ann, POOL_SLOW, POOL_KILLED);
    finish(&fay);
    ok(next_is(POOL_USE, &fay), "and however it goes on with them, mail for "
       "others flows");
    finish(&fay);
    wait_for(&ann, 1);
    ok(next_is(POOL_USE, &fay) && next_is(POOL_WAIT, NULL),
       "one that was killed and does not die is of its account still");
}

static void
test_turns(void)
{
    begin(10, 10);
    wait_for(&ann, 2);
    wait_for(&bob, 2);
    ok(next_is(POOL_FORK, &ann) && next_is(POOL_FORK, &bob) &&
       next_is(POOL_FORK, &ann) && next_is(POOL_FORK, &bob),
       "accounts take turns");
}

static void
test_room(void)
{
    begin(3, 3);
    wait_for(&ann, 3);
    while (!next_is(POOL_WAIT, NULL))
        ;
    wait_for(&bob, 2);
    ok(next_is(POOL_WAIT, NULL), "when all are busy, others wait");
    finish(&ann);
    ok(next_is(POOL_END, &ann) && ann.count[POOL_ENDING] == 1 &&
       next_is(POOL_WAIT, NULL), "an idle one of another account makes room");
    finish(&ann);
    finish(&ann);
    ok(next_is(POOL_WAIT, NULL), "one at a time");
    end(&ann);
    ok(next_is(POOL_FORK, &bob) && next_is(POOL_END, &ann),
       "and the room is used when it is there");
    end(&ann);
    ok(next_is(POOL_FORK, &bob) && next_is(POOL_WAIT, NULL) &&
       ann.count[POOL_IDLE] == 1, "but no more of them go than are needed");
}

static void
test_hoarder(void)
{
    begin(2, 2);
    wait_for(&ann, 50);
    while (!next_is(POOL_WAIT, NULL))
        ;
    wait_for(&bob, 50);
    finish(&ann);
    ok(next_is(POOL_END, &ann), "an account with much mail gives one up to "
       "one that has none");
    ok(next_is(POOL_WAIT, NULL), "and keeps the other");
    end(&ann);
    ok(next_is(POOL_FORK, &bob), "so that both deliver");
    finish(&bob);
    ok(next_is(POOL_USE, &bob), "after that each keeps what it has");
    finish(&ann);
    ok(next_is(POOL_USE, &ann), "and nobody is made and ended in turn");
}

static void
test_resident(void)
{
    begin_resident(1, 1, 2);
    wait_for(&ann, 1);
    wait_for(&bob, 1);
    ok(next_is(POOL_FORK, &ann) && next_is(POOL_WAIT, NULL),
       "no more than total deliver at a time");
    finish(&ann);
    ok(next_is(POOL_FORK, &bob) && ann.count[POOL_IDLE] == 1,
       "but more deliverers than that stay");
    finish(&bob);
    wait_for(&ann, 1);
    ok(next_is(POOL_USE, &ann), "and are used again");
    finish(&ann);
    wait_for(&eve, 1);
    ok(next_is(POOL_END, &bob) && next_is(POOL_WAIT, NULL),
       "where there are too many, the one idle longest goes");
    wait_for(&ann, 1);
    ok(next_is(POOL_USE, &ann), "meanwhile others are served");
    finish(&ann);
    end(&bob);
    ok(next_is(POOL_FORK, &eve) && next_is(POOL_WAIT, NULL),
       "and the newcomer gets the place");
}

static void
test_withdrawn(void)
{
    begin_resident(1, 1, 1);
    wait_for(&ann, 1);
    ok(next_is(POOL_FORK, &ann), "one place");
    finish(&ann);
    wait_for(&bob, 1);
    ok(next_is(POOL_END, &ann), "is promised to a newcomer");
    pool_withdraw(&pool, &bob);
    wait_for(&eve, 1);
    end(&ann);
    ok(next_is(POOL_FORK, &eve), "whose mail is taken back: another gets it");
}

/* Whoever has waiting mail is served again after at most all the others. */
static void
test_fair(void)
{
    struct pool_account *all[] = {&ann, &bob, &eve}, *a;
    unsigned served[3] = {0};

    begin_resident(2, 2, 2);
    for (int i = 0; i < 3; i++)
        wait_for(all[i], i ? 100 : 1000);
    for (int n = 0; n < 150;) {
        enum pool_step step = pool_next(&pool, &a);

        if (step == POOL_END) {
            end(a);
        } else if (step != POOL_WAIT) {
            served[a == &ann ? 0 : a == &bob ? 1 : 2]++;
            n++;
        } else {
            for (int i = 0; i < 3; i++)
                if (all[i]->count[POOL_BUSY])
                    finish(all[i]);
        }
    }
    ok(served[0] >= 40 && served[1] >= 40 && served[2] >= 40,
       "three accounts that share two deliverers get as much each");
}

/* Accounts that are forgotten when they were served come anew each time. */
static void
test_newcomers(void)
{
    static struct pool_account fresh[20];
    unsigned n = 0;

    begin_resident(1, 1, 25);
    wait_for(&ann, 1);
    ok(next_is(POOL_FORK, &ann), "one delivers");
    wait_for(&ann, 1);
    finish(&ann);
    for (; n < 20 && ann.waiting; n++) {
        struct pool_account *a;

        pool_add(&pool, &fresh[n]);
        wait_for(&fresh[n], 1);
        pool_next(&pool, &a);
        finish(a);
    }
    ok(n <= 2, "newcomers do not pass one who waits (%u)", n);
}

static void
test_shed(void)
{
    struct pool_account *a;

    begin(10, 10);
    wait_for(&ann, 1);
    wait_for(&bob, 1);
    ok(next_is(POOL_FORK, &ann) && next_is(POOL_FORK, &bob) &&
       !pool_shed(&pool, &a), "who is busy makes no room");
    finish(&bob);
    finish(&ann);
    ok(pool_shed(&pool, &a) && a == &bob && bob.count[POOL_ENDING] == 1,
       "where no more can be made the one idle longest does");
    wait_for(&ann, 1);
    ok(!pool_shed(&pool, &a) && next_is(POOL_USE, &ann),
       "but none who is about to get mail");
}

static void
test_unused(void)
{
    begin(1, 1);
    ok(pool_isunused(&ann), "an account without mail and deliverers can go");
    move(&ann, POOL_NONE, POOL_ENDING);
    ok(!pool_isunused(&ann), "not while one of its deliverers lives");
}

/* A quick disk: ann's deliverers are given many at once. */
static void
test_together(void)
{
    begin(10, 10);
    for (int i = 0; i < 10; i++)
        pool_learn(&ann, POOL_QUICK_MS);
    ok(ann.most == POOL_MOST, "where a disk is quick, more and more go "
       "together, up to a bound");
    wait_for(&ann, 1);
    ok(next_is(POOL_FORK, &ann), "the first goes at once");
    wait_for(&ann, 1);
    ok(next_is(POOL_FORK, &ann), "so does one beside it");
    wait_for(&ann, 1);
    ok(next_is(POOL_WAIT, NULL), "the next waits for company");
    wait_for(&ann, 1);
    ok(next_is(POOL_FORK, &ann) && ann.waiting == 1,
       "until there are as many as are busy");
    pool_withdraw(&pool, &ann);
    wait_for(&ann, 1);
    ok(next_is(POOL_WAIT, NULL), "one waits behind three");
    finish(&ann);
    ok(next_is(POOL_WAIT, NULL), "and behind two");
    finish(&ann);
    ok(next_is(POOL_USE, &ann), "but not behind one");
    wait_for(&ann, 1);
    wait_for(&bob, 1);
    ok(next_is(POOL_FORK, &bob), "meanwhile others are served");
    move(&ann, POOL_BUSY, POOL_SLOW);
    ok(next_is(POOL_USE, &ann), "and nobody waits for one that takes long");
}

static void
test_slow_disk(void)
{
    begin(10, 10);
    pool_learn(&ann, 0);
    pool_learn(&ann, POOL_QUICK_MS + 1);
    ok(ann.most == 1, "where a disk is slow, each gets one");
    pool_learn(&ann, POOL_QUICK_MS + 1);
    ok(ann.most == 1, "and never fewer");
    pool_learn(&ann, 0);
    pool_learn(&ann, 0);
    pool_distrust(&ann);
    ok(ann.most == 1, "so it is after one that came to no end");
    wait_for(&ann, 4);
    ok(next_is(POOL_FORK, &ann) && next_is(POOL_FORK, &ann) &&
       next_is(POOL_FORK, &ann) && next_is(POOL_FORK, &ann),
       "side by side");
}

int
main(void)
{
    test_reuse();
    test_peruser();
    test_slow();
    test_turns();
    test_room();
    test_hoarder();
    test_resident();
    test_withdrawn();
    test_fair();
    test_newcomers();
    test_shed();
    test_unused();
    test_together();
    test_slow_disk();
    return tap_end();
}
