/* tally.h - what godwit queue --check and --repair say of the spool
 *
 * A line for each finding, or an item of JSON, and the sum of them. */
#ifndef QUEUE_TALLY_H
#define QUEUE_TALLY_H

#include "queue/finding.h"

struct tally {
    bool mend, json;      /* --repair, --json: the caller's */
    struct buf list;      /* of json */
    uint64_t found, left, unread, notes, moved;
};

struct remark {
    const char *place;    /* a folder, or empty */
    const char *name;     /* as somebody or a file-system check made it */
    struct finding finding;
    const char *to;       /* where it goes, or empty */
    int error;            /* the errno for which nothing could be done, or 0 */
};

/* Says it, as done where things are mended, and counts it. */
void tally_add(struct tally *t, const struct remark *r);

/* The same of a part of queue/ itself. */
void tally_part(struct tally *t, const char *name, struct finding finding,
                int error);

/* The sum; JSON comes with it. */
void tally_sum(const struct tally *t);

/* The exit code: EXIT_OK, EXIT_LATER if something could not be seen or done,
 * 1 if something is to be put right or to be looked at. */
int tally_code(const struct tally *t);

void tally_free(struct tally *t);

#endif
