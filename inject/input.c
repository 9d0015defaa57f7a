#include "inject/input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/header.h"

enum { CHUNK = 64 * 1024 };

/* Appends what one read gives, sets eof. */
static int
fill(struct input *in)
{
    ssize_t n;

    buf_reserve(&in->held, CHUNK);
    while ((n = read(in->fd, in->held.data + in->held.len, CHUNK)) < 0) {
        struct pollfd p = {in->fd, POLLIN, 0};

        /* Some callers leave their end of the pipe non-blocking. */
        if (errno == EAGAIN)
            poll(&p, 1, -1);
        else if (errno != EINTR)
            return -errno;
    }
    in->held.len += (size_t)n;
    in->held.data[in->held.len] = 0;
    in->eof = n == 0;
    return 0;
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
input_open(struct input *in, int fd, size_t max)
{
    struct header_scan scan = {0};
    ssize_t mbox = -1;
    bool known = false;
    int r;

    memset(in, 0, sizeof *in);
    in->fd = fd;
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
input_plain(struct input *in, int fd)
{
    int r = 0;

    memset(in, 0, sizeof *in);
    in->fd = fd;
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
