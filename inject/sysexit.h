/* sysexit.h - how sendmail tells its caller: sysexits.h, one line of text */
#ifndef INJECT_SYSEXIT_H
#define INJECT_SYSEXIT_H

#include "base/verdict.h"

/* "sendmail: " and the text on standard error; returns code. */
int sysexit_say(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The code for what the queue says.  Not 75 for what no repeating will mend,
 * nor for a message that was stored. */
int sysexit_of(const struct outcome *o);

/* Says that nothing was queued and why, or, if the answer was lost after the
 * message was complete (base/submit.h), that it may have been; returns
 * code. */
int sysexit_not_queued(int code, const struct outcome *o);

#endif
