#include "queue/idqueue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    ROOM_MIN = 1024,
    ROOM_KEPT = 4096, /* while it is empty; more is given back */
};

static void
make_room(struct idqueue *q)
{
    if (q->at > q->end / 2) {
        q->end -= q->at;
        memmove(q->ids, q->ids + q->at, q->end * sizeof *q->ids);
        q->at = 0;
    } else {
        q->room = q->room ? q->room * 2 : ROOM_MIN;
        q->ids = mem_grow(q->ids, q->room * sizeof *q->ids);
    }
}

void
idqueue_add(struct idqueue *q, uint64_t id)
{
    if (q->end == q->room)
        make_room(q);
    q->ids[q->end++] = id;
}

bool
idqueue_take(struct idqueue *q, uint64_t *id)
{
    if (q->at == q->end)
        return false;
    *id = q->ids[q->at++];
    if (q->at < q->end)
        return true;
    q->at = q->end = 0;
    if (q->room > ROOM_KEPT)
        idqueue_free(q);
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
