/* batch.h - lines of the ledger that go out together
 *
 * Collected on the loop, written by the pool: closed with the chain's hashes,
 * signed where that is asked for and at a segment's end, with one write and
 * one sync for each segment they come to stand in.  A batch that could not be
 * written is as it was before, and can be written elsewhere. */
#ifndef QUEUE_BATCH_H
#define QUEUE_BATCH_H

#include <uv.h>

#include "queue/segment.h"

/* Where a ledger stands. */
struct ledger_at {
    int fd;                    /* of the segment at hand, -1: take a new one */
    uint64_t base, end;        /* its positions */
    uint64_t position;         /* behind the last synced line */
    struct chain chain;
    uint64_t signed_position;  /* behind the last signature */
    struct chain signed_chain;
};

/* What writing needs of a ledger besides. */
struct ledger_files {
    int dir;                   /* borrowed */
    uint64_t size;             /* of a segment */
    unsigned char secret[64];  /* Ed25519 */
    uv_mutex_t lock;           /* while a segment is made or taken */
};

struct batch_entry;

struct batch {
    struct buf text;           /* of its lines */
    struct batch_entry *entries; /* owned */
    size_t count, room;
    /* Of the writing. */
    struct ledger_at at;       /* behind what is written so far */
    int given;                 /* its first segment, which stays open */
    bool took_spare;           /* a segment was begun */
    uint64_t began;            /* its base */
};

struct batch *batch_new(void);
void batch_free(struct batch *b);

/* The last len bytes of its text are a line; 0: there is to be a signature.
 * where as in ledger_line. */
void batch_add(struct batch *b, size_t len, uint64_t *where);

/* Takes more: its lines follow those of b. */
void batch_join(struct batch *b, struct batch *more);

/* Writes and syncs it from b->at on, which is then where the ledger stands;
 * the segment it was given stays open.  An errno: what was begun is void and
 * closed.  Blocking. */
int batch_write(struct batch *b, struct ledger_files *f);

/* It is on disk: who wants to know where is told. */
void batch_tell(const struct batch *b);

#endif
