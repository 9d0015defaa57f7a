/* advice.h - what a sender can do about a failure, in words
 *
 * Pure. */
#ifndef QUEUE_ADVICE_H
#define QUEUE_ADVICE_H

#include "base/buf.h"

/* A sentence or two for an RFC 3463 code; expired: the failure was temporary
 * until the message was too old. */
struct view advice_for(struct view code, bool expired);

#endif
