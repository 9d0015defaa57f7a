#include "base/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/line.h"

__attribute__((format(printf, 1, 0))) static void
put(const char *fmt, va_list ap)
{
    struct buf b = {0};
    ssize_t r;

    line_vprint(&b, fmt, ap);
    buf_addbyte(&b, '\n');
    /* A log that cannot be written must not end a program. */
    r = write(2, b.data, b.len);
    (void)r;
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
