/* wire.h - content as it travels after DATA or in chunks
 *
 * Each line ends in CRLF, whether it ended in LF or CRLF; a line that begins
 * with a dot gets another one (RFC 5321 4.5.2), but not in chunks (RFC 3030
 * 2); a last line without an end gets one.  What is no line end passes
 * unchanged.  Pure; the state lives across pieces cut anywhere. */
#ifndef REMOTE_WIRE_H
#define REMOTE_WIRE_H

#include "base/buf.h"

/* {0} is the start of a message. */
struct wire {
    bool chunks; /* no dots are added */
    bool inside; /* a line has begun and not ended */
    bool cr;     /* the last byte was a CR, not yet written */
};

/* Appends piece in its form on the wire to out: at most twice its length,
 * and one byte. */
void wire_add(struct wire *w, struct view piece, struct buf *out);

/* Ends the last line if it has not ended.  The final dot is not written. */
void wire_end(struct wire *w, struct buf *out);

#endif
