#include "queue/idqueue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ROOM_MIN = 1024 };

static void
resize(struct idqueue *q, size_t room)
{
    q->ids = mem_grow(q->ids, room * sizeof *q->ids);
    q->room = room;
}

static void
move_up(struct idqueue *q)
{
    size_t room = q->room;

    q->end -= q->at;
    memmove(q->ids, q->ids + q->at, q->end * sizeof *q->ids);
    q->at = 0;
    while (room > ROOM_MIN && q->end < room / 4)
        room /= 2;
    if (room < q->room)
        resize(q, room);
}

void
idqueue_add(struct idqueue *q, uint64_t id)
{
    if (q->end == q->room)
        resize(q, q->room ? q->room * 2 : ROOM_MIN);
    q->ids[q->end++] = id;
}

bool
idqueue_take(struct idqueue *q, uint64_t *id)
{
    if (q->at == q->end)
        return false;
    *id = q->ids[q->at++];
    /* Never are more moved than went since the last time. */
    if (q->at >= ROOM_MIN / 2 && q->at >= idqueue_count(q))
        move_up(q);
    return true;
}

size_t
idqueue_count(const struct idqueue *q)
{
    return q->end - q->at;
}

void
idqueue_free(struct idqueue *q)
{
    free(q->ids);
    memset(q, 0, sizeof *q);
}
