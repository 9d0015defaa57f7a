/* outline.h - a queued message in words, and for programs
 *
 * Pure: of what store_load read.  Addresses are escaped as in the log. */
#ifndef QUEUE_OUTLINE_H
#define QUEUE_OUTLINE_H

#include "queue/store.h"

/* Seconds since the message was accepted; now in seconds. */
uint64_t outline_age(const struct queued *q, uint64_t now);

/* "owed", "delivered", "failed", "bounced". */
const char *outline_state(enum rcpt_state s);

/* When it is tried again, as in "next in 5m", "held", "next now". */
void outline_next(struct buf *b, const struct queued *q, uint64_t now);

/* Two spans at most: "3d4h", "12s". */
void outline_span(struct buf *b, uint64_t seconds);

/* <address>, as it may stand on a terminal. */
void outline_address(struct buf *b, struct view address);

/* A line for the message and, indented, one for each recipient. */
void outline_text(struct buf *b, const struct queued *q, uint64_t now);

/* One object. */
void outline_json(struct buf *b, const struct queued *q, uint64_t now);

#endif
