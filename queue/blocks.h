/* blocks.h - the failures noted in bounce/ID until their bounce is made
 *
 * One line for each failed recipient:
 *     fail time=<ms> rcpt=<index> expired=0 code= host= why= to= *<16 hex>
 * in the form of base/line.h, closed by the beginning of a BLAKE2b hash over
 * the message's id and the line up to the blank before the star.  A line is
 * appended, never changed; one that a crash cut short does not verify, and
 * whoever failed then is found owed and is tried again.  Pure. */
#ifndef QUEUE_BLOCKS_H
#define QUEUE_BLOCKS_H

#include "base/buf.h"
#include "base/verdict.h"

enum {
    BLOCK_CODE_MAX = 11,     /* bytes; an RFC 3463 code */
    BLOCK_HOST_MAX = 255,
    BLOCK_WHY_MAX = OUTCOME_TEXT_MAX,
    BLOCK_LINE_MAX = 16384,
};

struct block {
    uint64_t time_ms;   /* when it failed, since the epoch */
    uint32_t rcpt;      /* index within the message's envelope */
    bool expired;       /* LATER became NEVER by age */
    struct view code;
    struct view host;   /* where; empty: nowhere */
    struct view why;    /* one line, the other side's words */
    struct view to;     /* the recipient */
};

/* Appends the line of block for message id, an LF before and after it: what
 * a crash left at the end of the file spoils nothing.  Texts longer than
 * their limits are cut. */
void block_print(struct buf *b, uint64_t id, const struct block *block);

/* What a whole file holds: one block for each recipient, in the order of
 * their indexes. */
struct blocks {
    struct block *items; /* owned; their views point into text */
    size_t count;
    size_t skipped;      /* lines that did not verify */
    struct buf text;
};

/* Reads the bytes of bounce/ID into the empty blocks and trusts none of
 * them.  Of several blocks for one recipient the last rules. */
void blocks_parse(struct blocks *blocks, uint64_t id, struct view file);

/* The block of a recipient, or NULL. */
const struct block *blocks_find(const struct blocks *blocks, uint32_t rcpt);

void blocks_free(struct blocks *blocks);

#endif
