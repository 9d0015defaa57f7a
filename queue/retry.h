/* retry.h - when a message that could not be delivered is tried again
 *
 * Pure arithmetic: no clock, no memory, no files.  Moments are seconds
 * since the epoch, spans are seconds. */
#ifndef QUEUE_RETRY_H
#define QUEUE_RETRY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The moment of the next attempt for message id after attempts failures (0
 * counts as 1), the newest of them at last.  Always later than last.  The gap
 * never shrinks but for the jitter: up to an eighth of the gap is added, told
 * by id and attempts alone, so that mail that failed together does not come
 * back together, and the same question has the same answer after a restart.
 * RFC 5321 4.5.4.1: two attempts in the first hour, then one every two or
 * three hours. */
time_t retry_next(uint64_t id, time_t last, unsigned attempts);

/* Whether a message accepted at birth is too old at now to be kept for
 * another attempt, so that LATER becomes NEVER: it is older than lifetime.
 * RFC 5321 4.5.4.1: lifetime is at least 4-5 days. */
bool retry_expired(time_t birth, time_t now, time_t lifetime);

#endif
