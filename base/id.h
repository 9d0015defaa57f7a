/* id.h - message ids
 *
 * 64 bits: milliseconds since 2020 in the upper 42, chance or a hash in the
 * lower 22; as text 13 letters of Crockford's base 32 (no I, L, O, U), so ids
 * sort by time, can be read out on the phone and are no inode numbers. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/buf.h"

enum { ID_LEN = 13 };

typedef char id_text[ID_LEN + 1];

/* An id for a message accepted at now_ms (since the epoch); tail's lower 22
 * bits make it unique within the millisecond.  Never 0. */
uint64_t id_make(uint64_t now_ms, uint32_t tail);

/* The moment of an id, milliseconds since the epoch. */
uint64_t id_ms(uint64_t id);

/* id as text in buffer; returns buffer. */
const char *id_print(uint64_t id, id_text buffer);

/* Reads 13 letters, small ones too; false for anything else and for 0. */
bool id_parse(struct view text, uint64_t *id);

#endif
