/* header.h - walks a header section (RFC 5322 2.2)
 *
 * Lines end in LF, and a CR before it belongs to the line break.  Nothing is
 * copied and nothing unfolded: fields are views into the section.  The time
 * is linear in the bytes.  Pure. */
#ifndef BASE_HEADER_H
#define BASE_HEADER_H

#include "base/buf.h"

/* A line (RFC 5322 2.1.1) cannot begin with a longer name, so that a body
 * without a line break is known early not to be a field. */
enum { HEADER_NAME_MAX = 998 };

struct header_field {
    struct view whole; /* name, colon, folded lines, last line break */
    struct view name;
    struct view body;  /* behind the colon, without the last line break */
};

/* Takes the next field off *v.  False where the section ends: *v then is
 * empty or begins with the empty line or with a line that is no field.  The
 * last field may lack its line break. */
bool header_next(struct view *v, struct header_field *f);

/* The first field of that name, in any case of letters. */
bool header_find(struct view section, const char *name,
                 struct header_field *f);

/* Finds the end of the section while a message comes in; {0} to begin. */
struct header_scan {
    size_t line; /* where the line begins that was not yet judged whole */
    size_t seen; /* no line break between line and here */
    bool inside; /* that line belongs to a field */
    bool fields; /* there was a field before */
};

/* Looks at all bytes of the message so far; eof: there will be no more.
 * True once the end is known: *end bytes belong to fields. */
bool header_scan(struct header_scan *s, struct view bytes, bool eof,
                 size_t *end);

#endif
