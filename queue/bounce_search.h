/* bounce_search.h - which bounce is due, and whether it is there already
 *
 * A crash may leave an accepted bounce without its lines in the ledger, and
 * a slow request may come behind its repetition.  So a bounce's id follows
 * from what it answers, and each is looked for before it is made. */
#ifndef QUEUE_BOUNCE_SEARCH_H
#define QUEUE_BOUNCE_SEARCH_H

#include "queue/blocks.h"
#include "queue/bounce.h"
#include "queue/bouncing.h"

/* The failed recipients that get the same treatment, in order: those of one
 * attempt, so that a request of before, which may still be under way, had
 * the same first one and the same moment, and so the same id.  Sets rcpts,
 * count and never.  Pure. */
void bounce_choose(struct bouncing *b, const struct queued *q,
                   const struct blocks *blocks);

/* Looks for the bounce of the chosen recipients and sets id.  1: it is there,
 * its name synced, and those that it answers alone stay chosen; 0: it is to
 * be made; or a negative errno: not now, for -EAGAIN with why.  Blocking. */
int bounce_search(struct bouncing *b, const struct store *s,
                  const struct queued *q, const struct blocks *blocks,
                  enum bounce_kind kind);

#endif
