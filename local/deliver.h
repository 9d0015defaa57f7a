/* deliver.h - deliveries to one recipient, as himself
 *
 * Runs in a deliverer and may block.  Several come at once, so that what
 * waits for the disk waits for all of them; what becomes of one is its own.
 * A kind of delivery is a file with a claim on instructions and a function,
 * and one line in deliver.c. */
#ifndef LOCAL_DELIVER_H
#define LOCAL_DELIVER_H

#include "local/folders.h"
#include "local/parcel.h"

/* What a deliverer's deliveries have in common. */
struct deliver_place {
    const char *me;         /* borrowed, like all that points here */
    const char *home;       /* also the current folder */
    struct folders folders; /* kept open from one to the next */
};

struct delivery {
    uint64_t id, birth;     /* as in struct job */
    bool repeat;            /* an earlier try may have got as far as a name */
    struct view sender, rcpt;
    uint64_t length;        /* of the content */
    unsigned char digest[DIGEST_LEN];
    int content;            /* read by pread; -1: it is held */
    struct view held;
    struct buf header;      /* owned: the lines that go before the content */
    bool over;              /* the report has its outcome */
    struct report report;
};

/* What j asks for, j being of one recipient; content stays the caller's. */
void delivery_init(struct delivery *d, const struct job *j, int content,
                   struct view held);

/* Whether some kind of delivery understands the instruction. */
bool deliver_claims(const char *instruction);

/* Carries instruction out for each, at most PARCEL_MAX, and fills outcome and
 * place in its report. */
void deliver_run(struct deliver_place *p, struct delivery *all, size_t count,
                 const char *instruction);

/* Appends `Return-Path:` (RFC 5321 4.4) and `Delivered-To:`.  false, and
 * nothing appended, for an address that would break a header. */
bool deliver_header(struct buf *b, struct view sender, struct view rcpt);

#endif
