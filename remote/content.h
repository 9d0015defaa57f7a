/* content.h - the content of a spool file, piece by piece, verified
 *
 * Reads within the content alone, in the loop's pool; on the loop only a small
 * one that the system has in memory.  A piece is ready for the wire
 * (remote/wire.h); the last is handed out only if all that was read agrees
 * with the digest. */
#ifndef REMOTE_CONTENT_H
#define REMOTE_CONTENT_H

#include <uv.h>

#include "base/job.h"
#include "remote/convert.h"
#include "remote/wire.h"

enum {
    CONTENT_PIECE = 65536,       /* bytes read at once */
    CONTENT_SMALL_PIECE = 16384, /* the same while many read at once */
    CONTENT_MANY = 256,
    CONTENT_ROOM = 32,           /* bytes before each piece, for BDAT */
};

struct content {
    uv_work_t work;
    int fd;                  /* owned */
    uint64_t offset, left;   /* what was not read yet */
    size_t piece_max;        /* bytes read next */
    unsigned char digest[DIGEST_LEN];
    struct digest *sum;      /* owned */
    struct convert *convert; /* owned; NULL: sent as it is */
    struct wire wire;
    struct buf piece;        /* ready to be sent, behind CONTENT_ROOM bytes;
                                a dot may be put behind it */
    int error;               /* of the last read */
    bool started;            /* something was read */
    bool busy;               /* the pool has it: nothing may be touched */
    bool ready;              /* piece holds bytes nobody has sent */
    bool ended;              /* piece is the last, and verified */
    void (*on_piece)(struct content *c);
};

/* Takes fd.  on_piece is called on the loop after each content_read that left
 * it to the pool. */
void content_init(struct content *c, const struct job *job, int fd,
                  void (*on_piece)(struct content *));

/* The bytes of the piece; with head before it, of at most CONTENT_ROOM. */
struct view content_piece(const struct content *c);
struct view content_behind(struct content *c, struct view head);

/* What was read is of no use: content_rewind comes next, also if that is only
 * after the end of what is busy, whose error counts only if it is damage. */
void content_forget(struct content *c);

/* From the beginning again, for chunks or not; not while busy. */
void content_rewind(struct content *c, const struct job *job, bool chunks);

/* What is read is converted; before the first content_read.  flags: JOB_*;
 * eight_fits: the server takes 8-bit bytes. */
void content_convert(struct content *c, uint32_t flags, bool eight_fits);

/* Why the message cannot be converted: an error of -EILSEQ.  Its digest has
 * been checked nevertheless. */
const char *content_refused(const struct content *c);

/* Reads the next piece; not while busy, not after the end.  True: there it is,
 * and on_piece is not called.  sessions: how many there are, which share the
 * memory. */
bool content_read(struct content *c, uv_loop_t *loop, unsigned sessions);

/* Whether the bytes in the file are not those of the digest: they differ, or
 * there are too few.  An errno of the system is no damage. */
bool content_damaged(const struct content *c);

/* Not while busy. */
void content_free(struct content *c);

#endif
