/* schedule.h - deferred messages, the earliest first
 *
 * A heap in one array: 16 bytes a message, at most 20 with the room to grow
 * into and 36 while it grows, so that millions may wait.  It holds moments in
 * absolute seconds since the epoch and asks no clock: after a step of the
 * clock the same mail is due at the same written moments.  Pure. */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct schedule_entry {
    int64_t due;
    uint64_t id;
};

/* {0} is empty; count may be read. */
struct schedule {
    struct schedule_entry *entries; /* owned */
    size_t count;
    size_t room;
};

/* Notes that message id is due at due.  The same id may stand here more than
 * once; each comes out by itself. */
void schedule_add(struct schedule *s, time_t due, uint64_t id);

/* The earliest, which stays; of those due at the same second the one with
 * the smallest id, that is the oldest message.  False if there is none. */
bool schedule_earliest(const struct schedule *s, time_t *due, uint64_t *id);

/* Takes out the earliest if it is due at now; false if none is. */
bool schedule_take(struct schedule *s, time_t now, uint64_t *id);

/* Takes out the earliest, due or not; false if there is none. */
bool schedule_pop(struct schedule *s, uint64_t *id);

/* Empty, the memory given back. */
void schedule_free(struct schedule *s);

#endif
