/* content.h - a message's content alone, as a read-only descriptor
 *
 * A deliverer never gets the spool file, which names the other recipients:
 * it gets a copy of the content, verified while it was made.  A small one is
 * held in our memory and goes with the job.  Up to CONTENT_MEMORY_MAX it is
 * a sealed memfd; above, a file without a name. */
#ifndef LOCAL_CONTENT_H
#define LOCAL_CONTENT_H

#include "base/job.h"

enum {
    CONTENT_HELD_MAX = 16384,
    CONTENT_MEMORY_MAX = 1 << 20,
    CONTENT_STEP = 8 << 20, /* bytes copied at a time */
};

struct content {
    int source;             /* owned: the spool file */
    bool held;              /* the copy is in bytes; else in fd */
    struct buf bytes;       /* owned */
    int fd;                 /* owned */
    uint64_t offset;
    uint64_t length;
    uint64_t copied;
    unsigned char want[DIGEST_LEN];
    struct digest digest;   /* asks for mem_aligned */
};

/* Takes source, the descriptor that came with j. */
void content_init(struct content *c, int source, const struct job *j);

/* It may be held, and is if it is small enough. */
void content_hold(struct content *c);

/* Holds the whole of a small one if that takes no wait for a disk; false:
 * nothing was done, content_step shall see. */
bool content_now(struct content *c);

/* Copies some more; blocks on files, so not for a loop thread.  folder is
 * where nameless files are made.  1: call again; 0: whole and verified;
 * -EBADMSG: the bytes are not those of the digest, or there are too few; or
 * another negative errno, which says nothing about the bytes. */
int content_step(struct content *c, int folder);

/* After a step returned 0, unless it is held: *fd reads the content, with an
 * offset of its own, and cannot write it.  0 or a negative errno. */
int content_open(const struct content *c, int *fd);

void content_free(struct content *c);

#endif
