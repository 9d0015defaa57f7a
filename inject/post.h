/* post.h - a message read and completed goes to the queue */
#ifndef INJECT_POST_H
#define INJECT_POST_H

#include "inject/complete.h"
#include "inject/handover.h"
#include "inject/input.h"

/* Sends the completed header and the body that in gives, as it is; between
 * them an empty line where the message had none.  DONE: queued and durable.
 * LATER, NEVER: o tells.  *input_error is the negative errno with which in
 * failed (nothing was queued then), else 0. */
enum verdict post_message(struct input *in, const struct complete *c,
                          const struct handover_envelope *e, unsigned wait,
                          struct outcome *o, int *input_error);

#endif
