#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/line.h"

enum { WAIT_MS = 1000 };

/* Lines dropped since the last that was written. */
static atomic_ulong lost;

/* Whether standard error takes a write within wait milliseconds. */
static bool
ready(int wait)
{
    struct pollfd p = {.fd = 2, .events = POLLOUT};

    return poll(&p, 1, wait) != 0;
}

/* To a pipe.  Not a write that may block: between poll and write another
 * program may have filled it.  Where the kernel knows no such write (before
 * Linux 6.5) an ordinary one. */
static ssize_t
write_pipe(const char *data, size_t len)
{
#ifdef RWF_NOWAIT /* musl, with which commands are linked, has it not */
    ssize_t n = pwritev2(2, &(struct iovec){(char *)data, len}, 1, -1,
                         RWF_NOWAIT);

    if (n >= 0 || errno == EAGAIN)
        return n;
#endif
    return write(2, data, len);
}

/* A file takes all at once: nobody empties it, and some file systems refuse
 * to write without waiting what needs a block. */
static ssize_t
write_now(const char *data, size_t len, int wait)
{
    struct stat st;

    if (fstat(2, &st) < 0)
        return -1;
    if (S_ISREG(st.st_mode))
        return write(2, data, len);
    if (!ready(wait)) {
        errno = EAGAIN;
        return -1;
    }
    if (S_ISSOCK(st.st_mode))
        return send(2, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return S_ISFIFO(st.st_mode) ? write_pipe(data, len)
                                : write(2, data, len);
}

/* A log that cannot be written must neither end nor hold up a program. */
static void
put_line(const struct buf *b)
{
    struct buf note = {0};
    unsigned long before;

    if ((before = atomic_exchange(&lost, 0)) > 0) {
        buf_print(&note, "log lost=%lu why=\"nobody took it\"\n", before);
        if (write_now(note.data, note.len, 0) < 0)
            atomic_fetch_add(&lost, before);
        buf_free(&note);
    }
    if (write_now(b->data, b->len, before ? 0 : WAIT_MS) < 0)
        atomic_fetch_add(&lost, 1);
}

__attribute__((format(printf, 1, 0))) static void
put(const char *fmt, va_list ap)
{
    struct buf b = {0};

    line_vprint(&b, fmt, ap);
    buf_addbyte(&b, '\n');
    put_line(&b);
    buf_free(&b);
}

void
log_event(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put(fmt, ap);
    va_end(ap);
}

void
log_die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put(fmt, ap);
    va_end(ap);
    exit(111);
}
