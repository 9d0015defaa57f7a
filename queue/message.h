/* message.h - the bytes of a queue file, between bytes and structs
 *
 * Pure.  The layout stands in doc/design.md, "The queue file".  What never
 * changes lies under digests; what changes (one slot, a state record per
 * recipient) lies outside them, each with a check of its own, so that no
 * change of a single byte turns an owed recipient into a settled one. */
#ifndef QUEUE_MESSAGE_H
#define QUEUE_MESSAGE_H

#include "base/buf.h"
#include "base/digest.h"

enum {
    HEADER_LEN = 256,
    SLOT_OFFSET = 256,
    SLOT_LEN = 64,
    CONTENT_OFFSET = 512,
    STATE_LEN = 16,
    MESSAGE_VERSION = 1,
    HEADER_SEAL_LEN = 64,
};

struct header {
    uint64_t id;
    uint64_t birth_ms;
    uint64_t content_length;
    uint64_t envelope_length;
    uint32_t rcpt_count;
    uint32_t facts;        /* JOB_8BIT_HEADER and so on, base/job.h */
    uint32_t content_kind; /* 0: plain; 1: sealed, not yet written by us */
    unsigned char content_digest[DIGEST_LEN];
    unsigned char envelope_digest[DIGEST_LEN];
    unsigned char seal[HEADER_SEAL_LEN]; /* zeros while content_kind is 0 */
};

/* Positions that follow from the lengths. */
uint64_t header_envelope(const struct header *h);
uint64_t header_states(const struct header *h);
uint64_t header_filesize(const struct header *h);

void header_print(unsigned char out[HEADER_LEN], const struct header *h);

/* 0; -EBADMSG: damage, *why says where; -ENOTSUP: whole, but of a version or
 * kind this program doesn't know, so it is kept and not touched. */
int header_parse(struct header *h, const unsigned char in[HEADER_LEN],
                 const char **why);

/* When to try again.  Rewritten in place; a crash leaves the old or the new
 * or, torn, one that doesn't check. */
struct slot {
    uint64_t next; /* seconds */
    uint32_t attempts;
    bool hold;
};

void slot_print(unsigned char out[SLOT_LEN], uint64_t id,
                const struct slot *s);

/* false if it doesn't check. */
bool slot_parse(struct slot *s, uint64_t id, const unsigned char in[SLOT_LEN]);

enum rcpt_state {
    OWED = 'o',      /* nobody has an outcome for it */
    DELIVERED = 'd',
    FAILED = 'f',    /* NEVER is recorded, its bounce is not */
    BOUNCED = 'b',   /* settled: a bounce, or recorded that none is wanted */
};

struct state {
    enum rcpt_state state;
    uint64_t position; /* in the ledger, of the line that says so; 0: none */
};

/* index: the recipient's within the envelope. */
void state_print(unsigned char out[STATE_LEN], uint64_t id, uint32_t index,
                 const struct state *s);

/* false if it doesn't check; the ledger decides then. */
bool state_parse(struct state *s, uint64_t id, uint32_t index,
                 const unsigned char in[STATE_LEN]);

/* Whether nothing more is to be done for it. */
bool state_settled(enum rcpt_state s);

#endif
