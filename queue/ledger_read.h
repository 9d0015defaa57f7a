/* ledger_read.h - the lines of the ledger, each verified, one after another
 *
 * Blocking; memory independent of the ledger's size. */
#ifndef QUEUE_LEDGER_READ_H
#define QUEUE_LEDGER_READ_H

#include "queue/segment.h"

/* What a segment's first line says: the position in an older segment where
 * it goes on, and the chain there.  Whatever follows that position in the
 * older one is void. */
struct ledger_seam {
    bool valid;
    uint64_t after;
    struct chain prev;
};

struct ledger_reader {
    int dir;               /* borrowed */
    int fd;
    struct segments segments;
    struct ledger_seam *seams; /* owned; one a segment behind the first */
    struct ledger_seam *seam;  /* where the segment at hand ends, or NULL */
    size_t at;             /* index of the segment being read */
    uint64_t position;     /* of the next line */
    struct chain chain;    /* behind the last line */
    struct buf bytes;      /* read ahead, from position on */
    uint64_t end;          /* of what was read ahead */
    uint64_t size;         /* of the segment at hand */
    bool torn;             /* at the end: bytes follow that are no line */
    bool fresh;            /* the chain is not known yet: taken from the
                              segment's own first line */
};

struct ledger_line {
    struct view text;      /* without time and hash; "deliver id=..." */
    uint64_t ms;           /* its time */
    uint64_t position;
    struct view whole;     /* as it stands there */
};

/* Begins at position with chain as it is there; position 0 and NULL: at the
 * first segment there is.  0, -ENOENT if there is no segment at all, or a
 * negative errno. */
int ledger_readopen(struct ledger_reader *r, int ledgerdir, uint64_t position,
                    const struct chain *chain);

/* 1: the next line (views valid until the next call).  0: the end; torn says
 * whether other bytes follow.  -EBADMSG: what follows in a later segment
 * doesn't fit (position says where).  Another negative errno: not read. */
int ledger_next(struct ledger_reader *r, struct ledger_line *line);

void ledger_readclose(struct ledger_reader *r);

/* Whether the line is of that event. */
bool ledger_is(const struct ledger_line *line, const char *event);

#endif
