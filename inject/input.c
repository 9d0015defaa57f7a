#include "inject/input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/header.h"

enum { CHUNK = 64 * 1024 };

int
input_read(int fd, struct buf *b)
{
    ssize_t n;

    buf_reserve(b, CHUNK);
    while ((n = read(fd, b->data + b->len, CHUNK)) < 0) {
        struct pollfd p = {fd, POLLIN, 0};

        if (errno == EAGAIN)
            poll(&p, 1, -1);
        else if (errno != EINTR)
            return -errno;
    }
    b->len += (size_t)n;
    b->data[b->len] = 0;
    return n > 0;
}

static int
read_fd(void *arg, struct buf *b)
{
    return input_read(((struct input *)arg)->fd, b);
}

void
input_fd(struct input *in, int fd)
{
    input_from(in, read_fd, in);
    in->fd = fd;
}

void
input_from(struct input *in, input_more_fn *source, void *arg)
{
    memset(in, 0, sizeof *in);
    in->source = source;
    in->arg = arg;
}

/* More of what is held; eof once there is no more. */
static int
fill(struct input *in)
{
    int r = in->source(in->arg, &in->held);

    if (r == 0)
        in->eof = true;
    return r < 0 ? r : 0;
}

/* The length of an mbox "From " line at the start: -1 if more bytes are
 * needed to tell, 0 if there is none. */
static ssize_t
mbox_line(const struct input *in)
{
    static const char from[] = "From ";
    const size_t len = sizeof from - 1;
    struct view v = buf_view(&in->held);
    struct header_field f;
    size_t lf = view_find(v, '\n');

    if (v.len < len || memcmp(v.data, from, len) != 0)
        return v.len >= len || in->eof || memcmp(v.data, from, v.len) != 0
                   ? 0 : -1;
    if (lf == v.len && !in->eof)
        return v.len > HEADER_NAME_MAX ? 0 : -1;
    /* "From : ann@example.org" is a field (RFC 5322 4.5). */
    if (header_next(&v, &f))
        return 0;
    return (ssize_t)(lf < in->held.len ? lf + 1 : lf);
}

int
input_open(struct input *in, size_t max)
{
    struct header_scan scan = {0};
    ssize_t mbox = -1;
    bool known = false;
    int r;

    while (!in->eof && (!known || in->held.len - in->end < INPUT_AHEAD)) {
        if ((r = fill(in)) < 0)
            return r;
        if (mbox < 0 && (mbox = mbox_line(in)) < 0)
            continue;
        in->start = (size_t)mbox;
        if (!known) {
            known = header_scan(&scan, view_from(buf_view(&in->held),
                                                 in->start),
                                in->eof, &in->end);
            in->end += in->start;
        }
        if ((known ? in->end : in->held.len) - in->start > max)
            return -E2BIG;
    }
    return 0;
}

int
input_plain(struct input *in)
{
    int r = 0;

    while (r == 0 && !in->eof && in->held.len < INPUT_AHEAD)
        r = fill(in);
    return r;
}

struct view
input_header(const struct input *in)
{
    return view_make(in->held.data + in->start, in->end - in->start);
}

struct view
input_rest(const struct input *in)
{
    return view_from(buf_view(&in->held), in->end);
}

int
input_more(struct input *in, struct view *more)
{
    int r = 0;

    buf_clear(&in->held);
    in->start = in->end = 0;
    if (!in->eof)
        r = fill(in);
    *more = buf_view(&in->held);
    return r;
}

void
input_free(struct input *in)
{
    buf_free(&in->held);
}
