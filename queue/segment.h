/* segment.h - the files of the ledger
 *
 * A position counts bytes over all segments; a segment is named by its first
 * position in 16 hex digits.  Segments are made ahead, filled with newlines
 * and synced (`spare`), so that a write changes no size and a full disk can
 * still drain.  `head` names the last signed position and the checkpoint.
 * Blocking. */
#ifndef QUEUE_SEGMENT_H
#define QUEUE_SEGMENT_H

#include "queue/chain.h"

enum { SEGMENT_NAME = 16, LEDGER_LINE_MAX = 32 * 1024 };

struct segments {
    uint64_t *bases; /* owned, ascending */
    size_t count;
};

/* The segments that are there; what has such a name and is no regular file
 * is none.  0 or a negative errno. */
int segments_list(int ledgerdir, struct segments *s);
void segments_free(struct segments *s);

void segment_name(uint64_t base, char name[SEGMENT_NAME + 1]);

/* Makes the file `spare` of size newlines, durable; nothing to do if it is
 * there with that size. */
int segment_spare(int ledgerdir, uint64_t size);

/* Makes the spare (or, without one, a new file) the segment that starts at
 * base; *fd is open for writing.  -EEXIST if there is one. */
int segment_take(int ledgerdir, uint64_t base, uint64_t size, int *fd);

/* What `head` says. */
struct ledger_head {
    uint64_t position;   /* behind the last signed line */
    struct chain chain;  /* there */
    uint64_t upto;       /* the checkpoint: effects of all before are done */
    struct chain upto_chain;
};

/* 0; -ENOENT; -EBADMSG if it is no head; another errno. */
int head_read(int ledgerdir, struct ledger_head *h);
int head_write(int ledgerdir, const struct ledger_head *h);

#endif
