/* Who comes next, where one comes for each that leaves. */
#include "queue/takeup.h"

#include "queue/scan.h"
#include "tests/queue/takeup_alone.h"
#include "tests/tap.h"

enum { MANY = 100000, SOME = 800 };

static unsigned loaded[LOAD_DISCARD + 1];

void
load_begin(struct takeup *t, uint64_t id, enum load_kind kind, unsigned uid)
{
    (void)uid;
    idset_remove(&t->waiting, id);
    loaded[kind]++;
    t->loading++;
}

void
scan_todo(struct takeup *t)
{
    (void)t;
}

static void
one_by_one(unsigned count)
{
    while (count--) {
        m.takeup.loading = LOADING_MAX - 1;
        takeup_run(&m.takeup);
    }
}

static void
park(uint64_t from, uint64_t count)
{
    for (uint64_t id = from; id < from + count; id++) {
        takeup_park(&m.takeup, id);
        takeup_unpark(&m.takeup, id);
    }
}

static void
turns(void)
{
    park(1, SOME);
    for (uint64_t id = 1; id <= SOME; id++) {
        takeup_hint(&m.takeup, MANY + id);
        schedule_add(&m.takeup.schedule, 10, 2 * MANY + id);
    }
    one_by_one(SOME);
    ok(loaded[LOAD_PARKED] == SOME / 2, "what sites have room for has half");
    ok(loaded[LOAD_FRESH] == SOME / 8 * 3 && loaded[LOAD_DUE] == SOME / 8,
       "of the rest fresh mail has three quarters, old mail the fourth");
    one_by_one(2 * SOME);
    ok(loaded[LOAD_PARKED] == SOME && loaded[LOAD_FRESH] == SOME &&
       loaded[LOAD_DUE] == SOME, "and all come");
}

static void
grows(void)
{
    uint64_t next = 3 * MANY;

    park(next, SOME);
    next += SOME;
    for (int i = 0; i < MANY; i++, next++) {
        park(next, 1);
        one_by_one(1);
    }
    ok(m.takeup.parked.room <= 4 * SOME, "a line that never ends takes no "
       "more memory than its length (%zu)", m.takeup.parked.room);
    one_by_one(SOME);
    ok(loaded[LOAD_PARKED] == 2 * SOME + MANY && m.takeup.waiting.count == 0,
       "and forgets nobody");
}

int
main(void)
{
    takeup_ready();
    turns();
    grows();
    return tap_end();
}
