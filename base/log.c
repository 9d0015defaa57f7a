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

/* Whether standard error takes a write now. */
static bool
ready(void)
{
    struct pollfd p = {.fd = 2, .events = POLLOUT};

    return poll(&p, 1, atomic_load(&lost) ? 0 : WAIT_MS) != 0;
}

/* Not a write that may block: between poll and write another program may
 * have filled the pipe.  Where the kernel knows no such write (of a pipe,
 * before Linux 6.5) an ordinary one.  So for a file: nobody empties it, and
 * some file systems refuse to write at once what needs a block. */
static ssize_t
write_now(const char *data, size_t len)
{
    ssize_t n = send(2, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n >= 0 || errno != ENOTSOCK)
        return n;
#ifdef RWF_NOWAIT /* musl, with which commands are linked, has it not */
    struct stat st;

    if (fstat(2, &st) == 0 && S_ISFIFO(st.st_mode)) {
        n = pwritev2(2, &(struct iovec){(char *)data, len}, 1, -1,
                     RWF_NOWAIT);
        if (n >= 0 || errno == EAGAIN)
            return n;
    }
#endif
    return write(2, data, len);
}

/* A log that cannot be written must neither end nor hold up a program. */
static void
put_line(const struct buf *b)
{
    struct buf note = {0};
    unsigned long before;

    if (!ready()) {
        atomic_fetch_add(&lost, 1);
        return;
    }
    if ((before = atomic_exchange(&lost, 0)) > 0) {
        buf_print(&note, "log lost=%lu why=\"nobody took it\"\n", before);
        if (write_now(note.data, note.len) < 0)
            atomic_fetch_add(&lost, before);
        buf_free(&note);
    }
    if (write_now(b->data, b->len) < 0)
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
