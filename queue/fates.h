/* fates.h - what the ledger has of some messages
 *
 * Pure: it is told which ids are asked for, then fed the lines. */
#ifndef QUEUE_FATES_H
#define QUEUE_FATES_H

#include <uthash.h>

#include "queue/finding.h"
#include "queue/ledger_read.h"

struct fate_of {
    UT_hash_handle hh;
    uint64_t id;
    bool tried, removed, aside;
    int hold;                   /* 1 held, 0 released, -1 neither is said */
    struct state *states;       /* owned; as recorded, by index */
    size_t count, room;
};

struct fates {
    struct fate_of *ids;
    uint64_t gap_ms;            /* before: not known */
    bool unsure;                /* the ledger does not verify: the caller's */
};

/* Asks for id. */
void fates_add(struct fates *f, uint64_t id);
void fates_line(struct fates *f, const struct ledger_line *l);

/* Of an id that was asked for; of others FATE_UNKNOWN. */
enum fate fates_get(const struct fates *f, uint64_t id);
const struct fate_of *fates_find(const struct fates *f, uint64_t id);
void fates_free(struct fates *f);

#endif
