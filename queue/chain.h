/* chain.h - the running hash that closes each line of the ledger
 *
 * Pure.  A closed line is `text *HASH`, HASH = BLAKE2b-192 over the hash of
 * the line before and text, in 32 letters of URL-safe base64.  A changed,
 * missing or inserted line breaks all that follow. */
#ifndef QUEUE_CHAIN_H
#define QUEUE_CHAIN_H

#include "base/buf.h"

enum {
    CHAIN_LEN = 24,
    CHAIN_TEXT = 32,           /* letters */
    CHAIN_CLOSE = 2 + CHAIN_TEXT, /* what closing adds to a line */
    CHAIN_SIGNATURE = 86,      /* letters of an Ed25519 signature */
};

/* {0} is the start of everything. */
struct chain {
    unsigned char hash[CHAIN_LEN];
};

/* Appends text, its close and a newline to out and moves the chain on. */
void chain_close(struct chain *c, struct buf *out, struct view text);

/* Whether line (without its newline) is the next of the chain; if so text is
 * what it says and the chain has moved on. */
bool chain_check(struct chain *c, struct view line, struct view *text);

/* The hash as 32 letters and a zero byte, and back. */
void chain_print(const struct chain *c, char text[CHAIN_TEXT + 1]);
bool chain_parse(struct chain *c, struct view text);

/* An Ed25519 signature over the hash so far and position, as 86 letters and
 * a zero byte. */
void chain_sign(const struct chain *c, uint64_t position,
                const unsigned char *secret,
                char text[CHAIN_SIGNATURE + 1]);
bool chain_signed(const struct chain *c, uint64_t position,
                  const unsigned char *public, struct view text);

#endif
