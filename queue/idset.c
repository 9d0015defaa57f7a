#include "queue/idset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ROOM_MIN = 64 };

/* Ids made one after the other, as most are, come to lie far apart. */
static size_t
home(const struct idset *s, uint64_t id)
{
    uint64_t mixed = id * 0x9e3779b97f4a7c15u;

    return (size_t)((unsigned __int128)mixed * s->room >> 64);
}

static size_t
next(const struct idset *s, size_t i)
{
    return i + 1 < s->room ? i + 1 : 0;
}

/* How far it is from slot a on to slot b. */
static size_t
way(const struct idset *s, size_t a, size_t b)
{
    return a <= b ? b - a : b + s->room - a;
}

/* Where id stands, or the free slot where it would. */
static size_t
find(const struct idset *s, uint64_t id)
{
    size_t i = home(s, id);

    while (s->slots[i] && s->slots[i] != id)
        i = next(s, i);
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
        resize(s, s->room + s->room / 4);
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
    for (i = next(s, hole); s->slots[i]; i = next(s, i))
        if (way(s, home(s, s->slots[i]), i) >= way(s, hole, i)) {
            s->slots[hole] = s->slots[i];
            hole = i;
        }
    s->slots[hole] = 0;
    if (--s->count < s->room / 3 && s->room > ROOM_MIN)
        resize(s, s->room - s->room / 4);
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
