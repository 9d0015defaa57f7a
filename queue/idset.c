#include "queue/idset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ROOM_MIN = 64 };

/* Ids of one moment differ in their lowest bits alone. */
static size_t
home(const struct idset *s, uint64_t id)
{
    return (size_t)((id * 0x9e3779b97f4a7c15u) >> 20) & (s->room - 1);
}

/* Where id stands, or the free slot where it would. */
static size_t
find(const struct idset *s, uint64_t id)
{
    size_t i = home(s, id);

    while (s->slots[i] && s->slots[i] != id)
        i = (i + 1) & (s->room - 1);
    return i;
}

static void
resize(struct idset *s, size_t room)
{
    struct idset old = *s;

    s->room = room;
    s->slots = mem_alloc(room * sizeof *s->slots);
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i])
            s->slots[find(s, old.slots[i])] = old.slots[i];
    free(old.slots);
}

bool
idset_add(struct idset *s, uint64_t id)
{
    size_t i;

    assert(id);
    if (s->room == 0)
        resize(s, ROOM_MIN);
    i = find(s, id);
    if (s->slots[i])
        return false;
    s->slots[i] = id;
    if (++s->count > s->room / 4 * 3)
        resize(s, s->room * 2);
    return true;
}

bool
idset_remove(struct idset *s, uint64_t id)
{
    size_t hole, i;

    if (!idset_has(s, id))
        return false;
    hole = find(s, id);
    /* What stands behind closes up, so that no search ends too early. */
    for (i = (hole + 1) & (s->room - 1); s->slots[i];
         i = (i + 1) & (s->room - 1)) {
        size_t far = (i - home(s, s->slots[i])) & (s->room - 1);

        if (far >= ((i - hole) & (s->room - 1))) {
            s->slots[hole] = s->slots[i];
            hole = i;
        }
    }
    s->slots[hole] = 0;
    if (--s->count < s->room / 4 && s->room > ROOM_MIN)
        resize(s, s->room / 2);
    return true;
}

bool
idset_has(const struct idset *s, uint64_t id)
{
    return s->count && id && s->slots[find(s, id)] == id;
}

void
idset_free(struct idset *s)
{
    free(s->slots);
    memset(s, 0, sizeof *s);
}
