/* log.h - one event, one line on standard error */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/* Writes `fmt` (read as line_print does: each %s becomes one escaped value)
 * and a newline to standard error in one write.  A pipe or socket that
 * nobody empties is waited for once, a second; then lines are dropped until
 * it takes one again, and their number is logged. */
void log_event(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, then the end of the program with exit code 111. */
void log_die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

#endif
