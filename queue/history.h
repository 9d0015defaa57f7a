/* history.h - the lives of messages, as the ledger has them
 *
 * Blocking; memory independent of the ledger's size. */
#ifndef QUEUE_HISTORY_H
#define QUEUE_HISTORY_H

#include "queue/ledger_read.h"
#include "queue/look.h"

/* Calls each with every line, oldest first, until it returns false.  0, or
 * the command's exit code when the ledger could not be read; where it does
 * not verify the reading ends and a line on standard error says so. */
int history_walk(const struct look *look,
                 bool (*each)(void *data, const struct ledger_line *l),
                 void *data);

/* Whether the line is about the message, or accepts a bounce of it. */
bool history_about(struct view text, uint64_t id);

/* One line in words, with time and id, or as a JSON object. */
void history_text(struct buf *b, const struct ledger_line *l);
void history_json(struct buf *b, const struct ledger_line *l);

#endif
