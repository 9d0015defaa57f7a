/* dsn.h - the part of a bounce that programs read (RFC 3464 2) */
#ifndef QUEUE_DSN_H
#define QUEUE_DSN_H

#include "queue/bounce.h"

/* Appends the content of the message/delivery-status part: fields about the
 * message, then a group of fields for each recipient.  Pure. */
void dsn_print(struct buf *b, const struct bounce *bounce);

#endif
