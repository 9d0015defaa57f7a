/* log.h - one event, one line on standard error */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/* Writes `fmt` (read as line_print does: each %s becomes one escaped value)
 * and a newline to standard error in one write.  A pipe or socket that
 * nobody empties is waited for once, a second; then lines are dropped until
 * it takes one again, and their number is logged. */
void log_event(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* From now on lines wait for log_flush, or for PIPE_BUF bytes, or for exit: for
 * a loop that flushes whenever it is about to wait, so that what happens
 * together is one write. */
void log_gather(void);
void log_flush(void);

/* The same as log_event, then the end of the program with exit code 111. */
void log_die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

#endif
