#include "queue/schedule.h"

#include <stdlib.h>

#include "tests/tap.h"

enum { MANY = 2000000 };

static uint64_t chance = 42;

static uint64_t
draw(void)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return chance >> 33;
}

static void
empty_one(void)
{
    struct schedule s = {0};
    time_t due;
    uint64_t id;

    ok(!schedule_earliest(&s, &due, &id), "an empty schedule has no earliest");
    ok(!schedule_pop(&s, &id), "nothing can be taken out of it");
    ok(!schedule_take(&s, 5000000000, &id), "and nothing is ever due");
    schedule_free(&s);
    schedule_free(&s);
    schedule_add(&s, 1, 1);
    ok(s.room * sizeof *s.entries <= 128, "a short one takes 128 bytes");
    schedule_free(&s);
    ok(s.count == 0, "freeing the empty one twice is harmless");
}

static void
order(void)
{
    static const struct {
        time_t due;
        uint64_t id;
    } in[] = {
        {500, 5}, {100, 1}, {500, 4}, {300, 3}, {200, 2}, {500, 6}, {100, 1},
    };
    static const uint64_t out[] = {1, 1, 2, 3, 4, 5, 6};
    struct schedule s = {0};
    uint64_t id = 0;
    time_t due = 0;
    bool good = true;

    for (size_t i = 0; i < 7; i++)
        schedule_add(&s, in[i].due, in[i].id);
    ok(s.count == 7, "all are counted, one of them twice");
    ok(schedule_earliest(&s, &due, &id) && due == 100 && id == 1,
       "the earliest is the earliest");
    ok(s.count == 7, "looking takes nothing out");
    for (size_t i = 0; i < 7; i++)
        good = schedule_pop(&s, &id) && id == out[i] && good;
    ok(good, "they come out by moment, then by id");
    ok(s.count == 0, "and then it is empty");
    schedule_free(&s);
}

static void
due_only(void)
{
    struct schedule s = {0};
    uint64_t id = 0;

    schedule_add(&s, 100, 1);
    schedule_add(&s, 200, 2);
    ok(!schedule_take(&s, 99, &id), "nothing is due a second early");
    ok(schedule_take(&s, 100, &id) && id == 1, "it is due at its moment");
    ok(!schedule_take(&s, 199, &id), "the next one waits");
    ok(!schedule_take(&s, 50, &id), "a clock set back makes nothing due");
    ok(schedule_take(&s, 90000, &id) && id == 2,
       "a clock set ahead makes due what it passed");
    schedule_add(&s, 5000000000, 3);
    ok(!schedule_take(&s, 4999999999, &id) &&
           schedule_take(&s, 5000000000, &id) && id == 3,
       "moments beyond 32 bits are kept whole");
    schedule_free(&s);
}

static void
millions(void)
{
    struct schedule s = {0};
    uint64_t id, sum = 0, back = 0;
    size_t most = 0;
    time_t due, before = 0;
    bool good = true;
    clock_t begin = clock();

    for (uint64_t n = 1; n <= MANY; n++) {
        schedule_add(&s, (time_t)(draw() % 432000), n);
        sum += n;
        if (n > 1000 && s.room * sizeof *s.entries / n > most)
            most = s.room * sizeof *s.entries / n;
    }
    ok(s.count == MANY, "two million messages wait");
    ok(most <= 20, "each costs at most 20 bytes, %zu", most);
    while (schedule_earliest(&s, &due, &id)) {
        good = good && due >= before;
        before = due;
        schedule_pop(&s, &id);
        back += id;
        /* As the manager does: a few of those tried come back later. */
        if (id % 8 == 0) {
            schedule_add(&s, due + 3600, id + 1);
            sum += id + 1;
        }
    }
    ok(good, "they come out in order while others go in");
    ok(back == sum, "none is lost, none is doubled");
    ok(s.room <= 16, "an empty schedule gave its memory back");
    printf("# %ld ms\n", (long)((clock() - begin) * 1000 / CLOCKS_PER_SEC));
    schedule_free(&s);
}

int
main(void)
{
    empty_one();
    order();
    due_only();
    millions();
    return tap_end();
}
