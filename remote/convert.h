/* convert.h - a message that SMTP or this server cannot carry, so that it can
 *
 * Bodies that are in no encoding get one, part by part; encoded ones whose
 * lines are too long get shorter lines; header lines are folded (RFC 2045,
 * 2046, 6152 3).  What is signed, or has no encoding by rule, passes if it
 * can be carried as it is, else the message is refused.  Pure; the memory
 * does not grow with the message. */
#ifndef REMOTE_CONVERT_H
#define REMOTE_CONVERT_H

#include "remote/encode.h"
#include "remote/entity.h"

enum {
    CONVERT_DEPTH_MAX = 20,          /* multiparts within multiparts */
    CONVERT_HEADER_MAX = 256 * 1024, /* bytes of one header section */
    CONVERT_FRAGMENT = 2048,         /* bytes of a line judged at once */
};

enum convert_state {
    CONVERT_HEADER,
    CONVERT_PASS,  /* between parts, and what stays as it is */
    CONVERT_BODY,  /* goes through the encoder */
};

struct convert_level {
    char boundary[ENTITY_BOUNDARY_MAX + 1];
    bool digest;
};

struct convert {
    bool nul, eight;      /* the message holds such bytes */
    bool eight_fits;      /* 8-bit bytes can travel */
    enum convert_state state;
    bool top;             /* the header at hand is a message's own */
    bool in_digest;
    bool inside;          /* the line at hand has begun */
    size_t length;        /* of it so far */
    struct buf line;      /* bytes not yet judged */
    struct buf header;
    const char *eol;      /* line end that waits for what follows */
    struct encode encode;
    unsigned depth;
    struct convert_level levels[CONVERT_DEPTH_MAX];
    const char *refused;  /* why the message cannot be carried; NULL: it can */
};

/* flags: JOB_* facts of the content; eight_fits: the server takes 8-bit
 * bytes. */
void convert_init(struct convert *c, uint32_t flags, bool eight_fits);

/* Appends what became of piece to out, with LF or CRLF at line ends; last:
 * there is no more.  False once the message is refused: out is worthless. */
bool convert_add(struct convert *c, struct view piece, bool last,
                 struct buf *out);

void convert_free(struct convert *c);

#endif
