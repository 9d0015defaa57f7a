#include "inject/sysexit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

int
sysexit_say(int code, const char *fmt, ...)
{
    struct buf line = {0};
    char text[1024];
    va_list ap;
    ssize_t n;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_print(&line, "sendmail: %s\n", text);
    n = write(2, line.data, line.len);
    (void)n;
    buf_free(&line);
    return code;
}

int
sysexit_of(const struct outcome *o)
{
    if (o->verdict == DONE)
        return EX_OK;
    if (o->verdict == LATER)
        return EX_TEMPFAIL;
    if (strncmp(o->code, "5.7.", 4) == 0)
        return EX_NOPERM;
    if (strncmp(o->code, "5.1.", 4) == 0 || strncmp(o->code, "5.5.", 4) == 0 ||
        strncmp(o->code, "5.6.", 4) == 0 || strcmp(o->code, "5.3.4") == 0)
        return EX_DATAERR;
    return EX_UNAVAILABLE;
}

int
sysexit_not_queued(int code, const struct outcome *o)
{
    /* base/submit.h: the one case in which nobody knows. */
    if (strcmp(o->code, "4.4.2") == 0)
        return sysexit_say(code, "%s (#%s)", o->text, o->code);
    return sysexit_say(code, "not queued: %s (#%s)", o->text, o->code);
}
