/* json.h - what a program prints for programs (RFC 8259)
 *
 * Pure; appends to a buf.  json_key and json_item put the comma where one is
 * needed. */
#ifndef QUEUE_JSON_H
#define QUEUE_JSON_H

#include "base/buf.h"

/* "key":, then the value follows. */
void json_key(struct buf *b, const char *key);

/* Before each item of a list. */
void json_item(struct buf *b);

/* Bytes that are no UTF-8 become U+FFFD, one for each. */
void json_text(struct buf *b, struct view v);
void json_number(struct buf *b, uint64_t n);
void json_bool(struct buf *b, bool yes);

/* Key and value. */
void json_addtext(struct buf *b, const char *key, struct view v);
void json_addnumber(struct buf *b, const char *key, uint64_t n);
void json_addbool(struct buf *b, const char *key, bool yes);

#endif
