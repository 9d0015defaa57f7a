/* How much is remembered of files that were written in place. */
#include "queue/checkpoint.h"

#include <stdlib.h>

#include "tests/tap.h"

enum { FEW = 1000, MANY = 100000 };

int
main(void)
{
    struct checkpoint c;
    bool good = true;

    checkpoint_init(&c, NULL, NULL);
    for (uint64_t id = 1; id <= FEW; id++)
        checkpoint_marked(&c, id);
    for (uint64_t id = 1; id <= FEW; id++)
        good = good && c.marked[id - 1] == id;
    ok(good && c.marked_count == FEW, "a thousand are known by name");
    for (uint64_t id = FEW + 1; id <= MANY; id++)
        checkpoint_marked(&c, id);
    ok(c.marked_count == MANY, "more are counted");
    ok(c.marked_room < 2 * FEW, "and take no memory");
    free(c.marked);
    return tap_end();
}
