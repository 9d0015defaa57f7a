/* look.h - what the operator's reading commands have in common
 *
 * They read the spool while the manager works or while it does not, and
 * change nothing. */
#ifndef QUEUE_LOOK_H
#define QUEUE_LOOK_H

#include "base/conf.h"
#include "queue/store.h"

struct look {
    const char *word;       /* of the command */
    struct conf_paths paths;
    struct store store;
};

/* Opens the instance's spool.  0, or the exit code of the command, and then
 * one line on standard error says why. */
int look_open(struct look *l, const char *word);
void look_close(struct look *l);

/* One line that path (below the queue folder; "" for itself) could not be
 * read, by a negative errno; returns the exit code. */
int look_fail(const struct look *l, const char *path, int r);

/* Ends the output; code, or that it could not be written. */
int look_end(const struct look *l, int code);

/* The id in the field key of a ledger's line; false if there is none. */
bool look_id(struct view text, const char *key, uint64_t *id);

#endif
