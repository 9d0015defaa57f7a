/* input.h - a message from a descriptor or dialogue, in bounded memory
 *
 * The header section and a part of the body are held, so that most messages
 * are whole before the queue is asked and a slow writer holds no connection;
 * the rest is read piece by piece. */
#ifndef INJECT_INPUT_H
#define INJECT_INPUT_H

#include "base/buf.h"

enum { INPUT_AHEAD = 1 << 20 }; /* bytes of the body that are held */

/* Appends the next bytes: 1, 0 at the end, or a negative errno. */
typedef int input_more_fn(void *arg, struct buf *b);

/* {0} is empty. */
struct input {
    input_more_fn *source;
    void *arg;
    int fd;
    struct buf held;
    size_t start;  /* of the header: behind an mbox "From " line */
    size_t end;    /* of the header: offset of the first byte behind it */
    bool eof;
};

/* What one read from fd gives, appended; waits even if fd is non-blocking, as
 * some callers leave their pipes.  1, 0 at the end, or a negative errno. */
int input_read(int fd, struct buf *b);

/* Where it comes from. */
void input_fd(struct input *in, int fd);
void input_from(struct input *in, input_more_fn *source, void *arg);

/* Reads up to the end of the header section of at most max bytes
 * and beyond it to the end of the message or INPUT_AHEAD.  0, -E2BIG (a
 * larger header), or another negative errno. */
int input_open(struct input *in, size_t max);

/* The same without a look at the header: all is behind it.  0 or a negative
 * errno. */
int input_plain(struct input *in);

/* The header section, without a "From " line of an mbox before it. */
struct view input_header(const struct input *in);

/* The held bytes behind the header. */
struct view input_rest(const struct input *in);

/* The next bytes behind the held ones, which are dropped first: *more is
 * empty at the end.  0 or a negative errno. */
int input_more(struct input *in, struct view *more);

void input_free(struct input *in);

#endif
