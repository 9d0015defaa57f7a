#include "queue/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Four children a node: half the levels of a binary heap, and the four stand
 * side by side in memory. */
enum { WAYS = 4, ROOM_MIN = 8 };

static bool
before(const struct schedule_entry *a, const struct schedule_entry *b)
{
    return a->due < b->due || (a->due == b->due && a->id < b->id);
}

static void
resize(struct schedule *s, size_t room)
{
    s->entries = mem_grow(s->entries, room * sizeof *s->entries);
    s->room = room;
}

/* Moves the hole at i towards the root until e fits there. */
static void
place_up(struct schedule *s, size_t i, struct schedule_entry e)
{
    while (i > 0) {
        size_t parent = (i - 1) / WAYS;

        if (!before(&e, &s->entries[parent]))
            break;
        s->entries[i] = s->entries[parent];
        i = parent;
    }
    s->entries[i] = e;
}

/* Moves the hole at the root down until e fits there. */
static void
place_down(struct schedule *s, struct schedule_entry e)
{
    size_t i = 0;

    for (;;) {
        size_t child = i * WAYS + 1, end = child + WAYS, least = child;

        if (child >= s->count)
            break;
        if (end > s->count)
            end = s->count;
        while (++child < end)
            if (before(&s->entries[child], &s->entries[least]))
                least = child;
        if (!before(&s->entries[least], &e))
            break;
        s->entries[i] = s->entries[least];
        i = least;
    }
    s->entries[i] = e;
}

void
schedule_add(struct schedule *s, time_t due, uint64_t id)
{
    struct schedule_entry e = {due, id};

    if (s->count == s->room)
        resize(s, s->room < ROOM_MIN ? ROOM_MIN : s->room + s->room / 4);
    place_up(s, s->count++, e);
}

bool
schedule_earliest(const struct schedule *s, time_t *due, uint64_t *id)
{
    if (s->count == 0)
        return false;
    *due = s->entries[0].due;
    *id = s->entries[0].id;
    return true;
}

bool
schedule_pop(struct schedule *s, uint64_t *id)
{
    if (s->count == 0)
        return false;
    *id = s->entries[0].id;
    if (--s->count > 0)
        place_down(s, s->entries[s->count]);

    /* A backlog that went away gives its memory back. */
    if (s->room > ROOM_MIN && s->count < s->room / 2)
        resize(s, s->room / 2 + s->room / 8);
    return true;
}

bool
schedule_take(struct schedule *s, time_t now, uint64_t *id)
{
    return s->count && s->entries[0].due <= now && schedule_pop(s, id);
}

void
schedule_free(struct schedule *s)
{
    free(s->entries);
    memset(s, 0, sizeof *s);
}
