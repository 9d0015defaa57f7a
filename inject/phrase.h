/* phrase.h - a person's name in a header field */
#ifndef INJECT_PHRASE_H
#define INJECT_PHRASE_H

#include "base/buf.h"

/* Appends name as an RFC 5322 3.2.5 phrase: bare, quoted, or as RFC 2047
 * encoded words if it is not ASCII.  Nothing, and false, for a name that is
 * empty, longer than PHRASE_MAX (the field is one line), no UTF-8, or has
 * control characters. */
bool phrase_print(struct buf *b, struct view name);

/* The same as an RFC 5322 3.2.2 comment: "(name)". */
bool phrase_comment(struct buf *b, struct view name);

enum { PHRASE_MAX = 200 };

#endif
