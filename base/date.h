/* date.h - moments as text */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <time.h>

#include "base/buf.h"

/* "Sun, 22 Nov 2026 21:20:00 +0000", always UTC (RFC 5322 3.3). */
void date_mail(struct buf *b, time_t when);

/* "2026-11-22T21:20:00.123Z" of milliseconds since the epoch. */
void date_stamp(struct buf *b, uint64_t ms);

/* Reads what date_stamp wrote; false for anything else. */
bool date_parse(struct view v, uint64_t *ms);

/* The real-time clock, milliseconds since the epoch. */
uint64_t date_now(void);

#endif
