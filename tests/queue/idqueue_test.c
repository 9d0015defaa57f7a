#include "queue/idqueue.h"

#include "tests/tap.h"

enum { MANY = 100000, STEPS = 300000, KEPT = 1024 };

static void
few(void)
{
    struct idqueue q = {0};
    uint64_t id;

    ok(!idqueue_take(&q, &id) && idqueue_count(&q) == 0,
       "the empty queue has nothing");
    idqueue_add(&q, 9);
    idqueue_add(&q, 3);
    idqueue_add(&q, 9);
    ok(idqueue_count(&q) == 3, "an id may wait twice");
    ok(idqueue_take(&q, &id) && id == 9 && idqueue_take(&q, &id) && id == 3 &&
       idqueue_take(&q, &id) && id == 9, "who came first goes first");
    ok(!idqueue_take(&q, &id), "and then there is none");
    idqueue_free(&q);
    idqueue_free(&q);
    ok(q.room == 0, "freeing it twice is harmless");
}

/* Takes one, counts those that were moved, and looks at the room. */
static bool
take(struct idqueue *q, uint64_t want, size_t *moved, bool *small)
{
    size_t at = q->at;
    uint64_t id;
    bool good = idqueue_take(q, &id) && id == want;

    if (q->at <= at)
        *moved += idqueue_count(q);
    *small = *small && (q->room <= 8 * idqueue_count(q) || q->room <= 2 * KEPT);
    return good;
}

/* Two come for each that goes, then one for each: the line moves through the
 * memory it has. */
static void
in_order(void)
{
    struct idqueue q = {0};
    uint64_t in = 0, out = 0;
    bool good = true, small = true;
    size_t room, moved = 0;

    for (int i = 0; i < MANY; i++) {
        idqueue_add(&q, ++in);
        idqueue_add(&q, ++in);
        good = take(&q, ++out, &moved, &small) && good;
    }
    room = q.room;
    for (int i = 0; i < STEPS; i++) {
        idqueue_add(&q, ++in);
        good = take(&q, ++out, &moved, &small) && good;
    }
    ok(good && idqueue_count(&q) == MANY, "they come out in order");
    ok(q.room == room, "a line that gets no longer takes no more memory");
    /* The crowd goes, while few come. */
    while (idqueue_count(&q) > 0) {
        good = take(&q, ++out, &moved, &small) && good;
        if (out % 4 == 0)
            idqueue_add(&q, ++in);
    }
    ok(good && out == in, "to the last");
    ok(small, "a crowd's memory is given back as it goes");
    ok(moved <= out, "no more are moved than come out (%zu)", moved);
    ok(q.room > 0 && q.room <= KEPT, "that of a few is kept");
    idqueue_free(&q);
}

int
main(void)
{
    few();
    in_order();
    return tap_end();
}
