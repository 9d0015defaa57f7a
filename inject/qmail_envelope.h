/* qmail_envelope.h - the envelope as qmail-queue reads it
 *
 * 'F' sender NUL, 'T' recipient NUL for each, NUL.  Local parts there have no
 * quotes: the last '@' parts an address.  Pure. */
#ifndef INJECT_QMAIL_ENVELOPE_H
#define INJECT_QMAIL_ENVELOPE_H

#include "base/buf.h"

/* bytes to fields of base/envelope.h, appended; a recipient without '@' gets
 * nohost for its domain.  "#@[]", qmail's sender of double bounces, is the
 * null sender.  What stands behind the last NUL is not looked at.  0, or
 * qmail-queue's exit code: 11 an address that is too long, 31 one that no
 * envelope can hold or too many, 54 the end is missing, 91 none of these
 * forms, or no recipient. */
int qmail_envelope_read(struct view bytes, const char *nohost,
                        struct buf *fields);

#endif
