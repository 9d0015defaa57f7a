/* line.h - one event, one line: `event key=value key="two words"`
 *
 * The form of the log and of the ledger.  A value of other than plain
 * printable characters stands in quotes, with \" \\ and \xHH. */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include "base/buf.h"

/* Appends to b the event and the fields of fmt.  fmt is read as printf does,
 * but each %s and %.*s argument is escaped as one value; of the others %d %u
 * %zu %ld %lu %ju and %c are known.  No newline is added. */
void line_print(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with a list of arguments. */
void line_vprint(struct buf *b, const char *fmt, __builtin_va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Appends the value of key in line to value, unescaped; false (and nothing
 * appended, no memory taken) if the line has no such key or is not
 * well-formed up to it. */
bool line_get(struct view line, const char *key, struct buf *value);

/* The value of key as a number of digits; false as above or if it is none. */
bool line_getnumber(struct view line, const char *key, uint64_t *n);

#endif
