/* failing.h - from NEVER to a bounce that is accepted
 *
 * Each begins work in the pool for an idle message; message_step goes on
 * when it has ended. */
#ifndef QUEUE_FAILING_H
#define QUEUE_FAILING_H

#include "queue/attempt.h"

enum { BOUNCING_MAX = 4 }; /* pool threads that may wait for enqueue */

/* Writes the reports of this attempt's failures; then they are recorded. */
void failing_report(struct message *msg);

/* Hands the bounce in when it is its turn; then that is recorded. */
void failing_bounce(struct message *msg);

/* Marks what this bounce answers: its acceptance settles those recipients
 * of the original, before the bounce itself is tried. */
void failing_answer(struct message *msg);

#endif
