/* request.h - what stands in a line of run/control (queue/control.h)
 *
 * Pure. */
#ifndef QUEUE_REQUEST_H
#define QUEUE_REQUEST_H

#include "base/buf.h"

enum request {
    REQUEST_STATUS,
    REQUEST_FLUSH,   /* all */
    REQUEST_FLUSH_ID,
    REQUEST_HOLD,
    REQUEST_RELEASE,
    REQUEST_CANCEL,
    REQUEST_DISCARD,
    REQUEST_NO_ID,   /* it wants an id, and has none */
    REQUEST_UNKNOWN,
};

/* *id is set where the request has one. */
enum request request_read(struct view line, uint64_t *id);

#endif
