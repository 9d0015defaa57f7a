/* deliver.h - one delivery, as the recipient
 *
 * Runs in a deliverer and may block.  A kind of delivery is a file with a
 * claim on instructions and a function, and one line in deliver.c. */
#ifndef LOCAL_DELIVER_H
#define LOCAL_DELIVER_H

#include "base/job.h"
#include "local/folders.h"

/* What a deliverer keeps from one delivery to the next. */
struct deliver_memory {
    struct folders folders;
};

/* All borrowed. */
struct delivery {
    const struct job *job;  /* of one recipient; offset 0 */
    int content;            /* read by pread; -1: it is held */
    struct view held;
    const char *me;
    const char *home;       /* also the current folder */
    struct view header;     /* the lines that go before the content */
    struct deliver_memory *memory;
};

/* Whether some kind of delivery understands the instruction. */
bool deliver_claims(const char *instruction);

/* Carries instruction out for d, whose header need not be set, and fills
 * the outcome and the place in r. */
enum verdict deliver_run(struct delivery *d, const char *instruction,
                         struct report *r);

/* Appends `Return-Path:` (RFC 5321 4.4) and `Delivered-To:`.  false, and
 * nothing appended, for an address that would break a header. */
bool deliver_header(struct buf *b, const struct job *j);

#endif
