/* answers.h - what a bounce answers: "ID:1,2", in its envelope
 *
 * Its acceptance settles those recipients, so that a crash between the
 * acceptance and the original's own record makes no second bounce. */
#ifndef QUEUE_ANSWERS_H
#define QUEUE_ANSWERS_H

#include "queue/store.h"

void answers_print(struct buf *b, uint64_t id, const uint32_t *rcpts,
                   uint32_t count);

/* The message that is answered; 0 if text is none of ours. */
uint64_t answers_id(struct view text);

/* Takes the next index off *rest, which begins as the whole text; false at
 * the end. */
bool answers_next(struct view *rest, uint32_t *index);

/* Marks those recipients of the original that are FAILED as BOUNCED, with
 * the ledger's position.  0, also where the original is gone; or a negative
 * errno.  Blocking. */
int answers_mark(const struct store *s, struct view text, uint64_t position);

#endif
