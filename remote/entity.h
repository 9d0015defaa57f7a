/* entity.h - what the header of a message or of a part says of its body
 *
 * RFC 2045, 2046.  Pure. */
#ifndef REMOTE_ENTITY_H
#define REMOTE_ENTITY_H

#include "base/buf.h"

enum {
    ENTITY_LINE_MAX = 998,     /* RFC 5321 4.5.3.1.6, without CRLF */
    ENTITY_BOUNDARY_MAX = 200, /* RFC 2046 5.1.1 has 70 */
};

enum entity_kind {
    ENTITY_TEXT,      /* lines; also where no type is given */
    ENTITY_BYTES,     /* any other type */
    ENTITY_MULTIPART, /* boundary is set */
    ENTITY_MESSAGE,   /* message/rfc822 */
    ENTITY_OPAQUE,    /* must stay as it is, or cannot be understood */
};

enum entity_encoding {
    ENTITY_7BIT,   /* also where none is given */
    ENTITY_8BIT,   /* or binary */
    ENTITY_QUOTED,
    ENTITY_BASE64,
    ENTITY_OTHER,
};

struct entity {
    enum entity_kind kind;
    enum entity_encoding encoding;
    bool typed, versioned;  /* has Content-Type, MIME-Version */
    bool digest;            /* multipart/digest: parts are messages */
    char boundary[ENTITY_BOUNDARY_MAX + 1];
};

/* Reads a header section.  in_digest: it is of a part of a
 * multipart/digest. */
void entity_read(struct entity *e, struct view header, bool in_digest);

/* Appends the fields, lines that are too long folded at a blank, without
 * Content-Transfer-Encoding if that is to go.  False if a line cannot be
 * folded. */
bool entity_write(struct buf *out, struct view header, bool drop_encoding);

#endif
