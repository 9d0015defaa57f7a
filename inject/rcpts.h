/* rcpts.h - a list of addresses in which each stands once
 *
 * In the order they came.  Adding takes constant time on average.  Pure. */
#ifndef INJECT_RCPTS_H
#define INJECT_RCPTS_H

#include "base/buf.h"

/* {0} is empty. */
struct rcpts {
    struct buf text; /* the addresses, a zero byte behind each */
    uint32_t *at;    /* where each begins */
    size_t count, room;
    uint32_t *slots; /* a hash table of numbers in at, plus 1 */
    size_t slot_count;
};

/* Adds a kept address (base/addr.h) if it is not there yet, compared byte by
 * byte.  0, or -E2BIG above ENVELOPE_RCPT_MAX addresses. */
int rcpts_add(struct rcpts *r, struct view address);

/* Address number i; valid until one is added. */
struct view rcpts_get(const struct rcpts *r, size_t i);

void rcpts_free(struct rcpts *r);

#endif
