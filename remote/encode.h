/* encode.h - a body in an encoding that any server carries
 *
 * RFC 2045 6.7 and 6.8.  What comes out has lines of at most 998 bytes that
 * end in LF, and neither NUL, CR nor bytes above 127.  Pure; text may be cut
 * anywhere, line ends may not. */
#ifndef REMOTE_ENCODE_H
#define REMOTE_ENCODE_H

#include "base/buf.h"

enum encode_kind {
    ENCODE_QUOTED,        /* to quoted-printable; line ends stay line ends */
    ENCODE_BASE64_TEXT,   /* to base64; line ends become CRLF */
    ENCODE_BASE64_BYTES,  /* to base64; line ends are bytes like others */
    ENCODE_MEND_QUOTED,   /* quoted-printable with lines or bytes amiss */
    ENCODE_MEND_BASE64,   /* base64 with lines or bytes amiss */
};

/* {.kind = k} begins. */
struct encode {
    enum encode_kind kind;
    unsigned column;
    unsigned triple;       /* bytes to come of an =XX that was read */
    char blank;            /* held back: at a line's end it is encoded */
    unsigned char rest[3]; /* base64: not yet a whole group */
    unsigned rest_len;
};

/* Bytes within a line. */
void encode_text(struct encode *e, struct view text, struct buf *out);

/* A line end as it stood: LF or CRLF. */
void encode_eol(struct encode *e, struct view eol, struct buf *out);

/* The end.  eol is a line end that stood behind the body and does not belong
 * to it (RFC 2046 5.1.1); empty: there was none. */
void encode_end(struct encode *e, struct view eol, struct buf *out);

/* The name of the encoding. */
const char *encode_name(enum encode_kind kind);

#endif
