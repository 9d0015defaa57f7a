#include "queue/idqueue.h"

#include "tests/tap.h"

enum { MANY = 100000, STEPS = 300000 };

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

/* Two come for each that goes, then one for each: the line moves through the
 * memory it has. */
static void
in_order(void)
{
    struct idqueue q = {0};
    uint64_t in = 0, out = 0, id;
    bool good = true;
    size_t room;

    for (int i = 0; i < MANY; i++) {
        idqueue_add(&q, ++in);
        idqueue_add(&q, ++in);
        good = good && idqueue_take(&q, &id) && id == ++out;
    }
    room = q.room;
    for (int i = 0; i < STEPS; i++) {
        idqueue_add(&q, ++in);
        good = good && idqueue_take(&q, &id) && id == ++out;
    }
    ok(good && idqueue_count(&q) == MANY, "they come out in order");
    ok(q.room == room, "a line that gets no longer takes no more memory");
    while (idqueue_take(&q, &id))
        good = good && id == ++out;
    ok(good && out == in, "to the last");
    ok(q.room == 0, "then a crowd's memory is given back");
    idqueue_add(&q, 1);
    idqueue_take(&q, &id);
    ok(q.room > 0, "that of a few is kept");
    idqueue_free(&q);
}

int
main(void)
{
    few();
    in_order();
    return tap_end();
}
