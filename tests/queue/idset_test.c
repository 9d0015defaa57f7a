#include "queue/idset.h"

#include <stdlib.h>

#include "base/id.h"
#include "tests/tap.h"

enum { MANY = 300000, SMALL = 500, STEPS = 400000 };

static uint64_t chance = 7;

static uint64_t
draw(void)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return chance >> 33;
}

static void
few(void)
{
    struct idset s = {0};

    ok(!idset_has(&s, 5) && !idset_remove(&s, 5), "the empty set has nothing");
    ok(idset_add(&s, 5) && idset_has(&s, 5) && !idset_has(&s, 6),
       "it has what was added");
    ok(!idset_add(&s, 5) && s.count == 1, "an id is there once");
    ok(!idset_has(&s, 0), "there is no id 0");
    ok(idset_remove(&s, 5) && !idset_has(&s, 5) && s.count == 0,
       "and not what was taken out");
    idset_free(&s);
    idset_free(&s);
    ok(s.room == 0, "freeing it twice is harmless");
}

/* Against a plain array: same answers at each step. */
static void
like_an_array(void)
{
    static bool in[SMALL];
    struct idset s = {0};
    size_t count = 0;
    bool good = true;

    for (int i = 0; i < STEPS && good; i++) {
        size_t n = draw() % SMALL;
        /* Ids near each other, and ones that differ far up alone. */
        uint64_t id = n % 2 ? n + 1 : (uint64_t)(n + 1) << 44;
        bool add = draw() % 2;

        good = idset_has(&s, id) == in[n] &&
               (add ? idset_add(&s, id) == !in[n]
                    : idset_remove(&s, id) == in[n]);
        count += add && !in[n];
        count -= !add && in[n];
        in[n] = add;
        good = good && s.count == count;
    }
    ok(good, "%d steps by chance agree with an array", STEPS);
    idset_free(&s);
}

static void
many(void)
{
    struct idset s = {0};
    size_t room, most = 0;
    bool good = true;

    for (uint64_t i = 1; i <= MANY; i++) {
        idset_add(&s, i << 22 | (i * 77 & 0x3fffff));
        if (i > SMALL && s.room * sizeof *s.slots / i > most)
            most = s.room * sizeof *s.slots / i;
    }
    ok(most < 14, "each of up to %d ids takes less than 14 bytes", MANY);
    room = s.room;
    most = 0;
    for (uint64_t i = 1; i <= MANY && good; i++) {
        good = idset_remove(&s, i << 22 | (i * 77 & 0x3fffff));
        if (s.count > SMALL && s.room * sizeof *s.slots / s.count > most)
            most = s.room * sizeof *s.slots / s.count;
    }
    ok(good && s.count == 0, "all are found");
    ok(most <= 24, "each that is left takes at most 24 bytes (%zu)", most);
    ok(s.room < room / 64, "and the memory is given back");
    idset_free(&s);
}

/* How many slots are looked at, in the mean, for an id that is not there: a
 * search ends at the first free one. */
static double
looks(const struct idset *s)
{
    size_t sum = s->room, run = 0, i = 0;

    while (s->slots[i])
        i++;
    for (size_t n = 0; n < s->room; n++) {
        i = i + 1 < s->room ? i + 1 : 0;
        run = s->slots[i] ? run + 1 : 0;
        sum += run;
    }
    return (double)sum / (double)s->room;
}

/* As enqueue makes them: the moment, then one more than the last. */
static void
as_they_come(void)
{
    struct idset s = {0};
    double most = 0;
    uint32_t tail = 4711;

    while (s.count < MANY) {
        uint64_t ms = 1795000000000u + s.count / 16;

        idset_add(&s, id_make(ms, tail++));
        if (s.count > SMALL && s.count == s.room / 4 * 3 && looks(&s) > most)
            most = looks(&s);
    }
    ok(most > 1 && most < 6.5, "where it is fullest few slots are looked at "
       "for an id (%.1f)", most);
    idset_free(&s);
}

int
main(void)
{
    few();
    like_an_array();
    many();
    as_they_come();
    return tap_end();
}
