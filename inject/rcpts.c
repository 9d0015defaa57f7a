#include "inject/rcpts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/envelope.h"
#include "base/mem.h"

/* FNV-1a */
static size_t
hash(struct view v)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < v.len; i++)
        h = (h ^ (unsigned char)v.data[i]) * 0x100000001b3;
    return (size_t)(h ^ (h >> 32));
}

/* The slot that holds v, or the free one where it belongs. */
static uint32_t *
find(const struct rcpts *r, struct view v)
{
    size_t mask = r->slot_count - 1;

    for (size_t i = hash(v) & mask;; i = (i + 1) & mask)
        if (r->slots[i] == 0 || view_equal(rcpts_get(r, r->slots[i] - 1), v))
            return &r->slots[i];
}

/* At most half of the slots are taken. */
static void
grow(struct rcpts *r)
{
    r->room = r->room ? r->room * 2 : 16;
    r->at = mem_grow(r->at, r->room * sizeof *r->at);
    free(r->slots);
    r->slot_count = r->room * 2;
    r->slots = mem_alloc(r->slot_count * sizeof *r->slots);
    for (size_t i = 0; i < r->count; i++)
        *find(r, rcpts_get(r, i)) = (uint32_t)i + 1;
}

int
rcpts_add(struct rcpts *r, struct view address)
{
    uint32_t *slot;

    if (r->count == r->room)
        grow(r);
    slot = find(r, address);
    if (*slot)
        return 0;
    if (r->count >= ENVELOPE_RCPT_MAX)
        return -E2BIG;
    r->at[r->count++] = (uint32_t)r->text.len;
    *slot = (uint32_t)r->count;
    buf_addview(&r->text, address);
    buf_addbyte(&r->text, 0);
    return 0;
}

struct view
rcpts_get(const struct rcpts *r, size_t i)
{
    size_t end = i + 1 < r->count ? r->at[i + 1] : r->text.len;

    return view_make(r->text.data + r->at[i], end - r->at[i] - 1);
}

void
rcpts_free(struct rcpts *r)
{
    buf_free(&r->text);
    free(r->at);
    free(r->slots);
    memset(r, 0, sizeof *r);
}
