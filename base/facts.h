/* facts.h - what SMTP has to know about a content, seen in one pass
 *
 * The facts are those of job.h: 8-bit bytes in header or body, NUL, a CR that
 * ends no line, a line of more than 998 bytes (RFC 5321 4.5.3.1.6). */
#ifndef BASE_FACTS_H
#define BASE_FACTS_H

#include <stdint.h>

#include "base/buf.h"

/* Starts as zeros. */
struct facts {
    uint32_t seen;  /* JOB_8BIT_HEADER and so on; whole after facts_end */
    size_t column;
    bool cr, body;
};

/* The next bytes, however they are cut. */
void facts_add(struct facts *f, struct view bytes);

/* There are no more. */
void facts_end(struct facts *f);

#endif
