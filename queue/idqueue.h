/* idqueue.h - ids in the order they came: at most 64 bytes for each that waits,
 * or 16 KiB; 32 bytes in a line that gets no shorter.  Pure. */
#ifndef QUEUE_IDQUEUE_H
#define QUEUE_IDQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0} is empty. */
struct idqueue {
    uint64_t *ids; /* owned; from at on they wait */
    size_t at, end, room;
};

void idqueue_add(struct idqueue *q, uint64_t id);

/* Takes out the one that came first; false if there is none. */
bool idqueue_take(struct idqueue *q, uint64_t *id);

size_t idqueue_count(const struct idqueue *q);

/* Empty, the memory given back. */
void idqueue_free(struct idqueue *q);

#endif
