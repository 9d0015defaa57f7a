/* content.h - a message's content alone, as a read-only descriptor
 *
 * A deliverer never gets the spool file, which names the other recipients:
 * it gets a copy of the content, verified while it was made.  Up to
 * CONTENT_MEMORY_MAX a sealed memfd; above, a file without a name. */
#ifndef LOCAL_CONTENT_H
#define LOCAL_CONTENT_H

#include "base/job.h"

enum {
    CONTENT_MEMORY_MAX = 1 << 20,
    CONTENT_STEP = 8 << 20, /* bytes copied at a time */
};

struct content {
    int source;             /* owned: the spool file */
    int fd;                 /* owned: the copy */
    uint64_t offset;
    uint64_t length;
    uint64_t copied;
    unsigned char want[DIGEST_LEN];
    struct digest digest;   /* asks for mem_aligned */
};

/* Takes source, the descriptor that came with j. */
void content_init(struct content *c, int source, const struct job *j);

/* Copies some more; blocks on files, so not for a loop thread.  folder is
 * where nameless files are made.  1: call again; 0: whole and verified;
 * -EBADMSG: the bytes are not those of the digest, or there are too few; or
 * another negative errno, which says nothing about the bytes. */
int content_step(struct content *c, int folder);

/* After a step returned 0: *fd reads the content, with an offset of its
 * own, and cannot write it.  0 or a negative errno. */
int content_open(const struct content *c, int *fd);

void content_free(struct content *c);

#endif
