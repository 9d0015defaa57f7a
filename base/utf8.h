/* utf8.h - which bytes are UTF-8 (RFC 3629) */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"

/* The length of the character v begins with, 1 to 4; 0 if it begins with
 * none: v is empty, or the bytes are cut, overlong, a surrogate or above
 * U+10FFFF. */
size_t utf8_next(struct view v);

/* Whether v is characters from start to end. */
bool utf8_valid(struct view v);

/* Whether v has no byte above 127. */
bool utf8_ascii(struct view v);

#endif
