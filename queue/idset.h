/* idset.h - a set of message ids: open addressing, at most three quarters
 * full, and growing by quarters: 11 to 14 bytes an id, at most 24 when many
 * were taken out.  Pure. */
#ifndef QUEUE_IDSET_H
#define QUEUE_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0} is empty; count may be read. */
struct idset {
    uint64_t *slots; /* owned; 0: free */
    size_t count, room;
};

/* Adds id, which is not 0; false if it was there. */
bool idset_add(struct idset *s, uint64_t id);

/* Takes id out; false if it was not there.  Memory is given back as the set
 * gets smaller. */
bool idset_remove(struct idset *s, uint64_t id);

bool idset_has(const struct idset *s, uint64_t id);

/* Empty, the memory given back. */
void idset_free(struct idset *s);

#endif
