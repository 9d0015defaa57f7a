/* quote.h - words from outside, made harmless for a message of our own
 *
 * All results are printable and without line breaks unless said otherwise,
 * and within their limit: nothing a sender or a server said can add a field
 * or a part.  Pure. */
#ifndef QUEUE_QUOTE_H
#define QUEUE_QUOTE_H

#include "base/buf.h"

/* Printable ASCII, any other byte as '?'; at most max (4 or more) bytes,
 * ending in "..." where words were cut. */
void quote_ascii(struct buf *b, struct view words, size_t max);

/* The same, but printable characters of UTF-8 stay. */
void quote_utf8(struct buf *b, struct view words, size_t max);

/* Words that came as xtext (RFC 3461 4), decoded, then as quote_ascii. */
void quote_xtext(struct buf *b, struct view words, size_t max);

/* An address for a field of a delivery status: "rfc822; ann@example.org"
 * (RFC 3464 2.1.2), or "utf-8; ..." with \x{HEX} for the characters that are
 * not ASCII (RFC 6533 3); at most max bytes and a few. */
void quote_address(struct buf *b, struct view address, size_t max);

/* Lines of text that end in LF or CRLF, as quoted-printable (RFC 2045 6.7)
 * whose lines end in LF. */
void quote_printable(struct buf *b, struct view text);

/* Words as paragraphs of at most width columns, each line begun with indent
 * and ended by LF; a longer word has a line of its own. */
void quote_wrap(struct buf *b, const char *indent, struct view words,
                size_t width);

#endif
