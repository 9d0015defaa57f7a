/* handout.h - a message's recipients, grouped by site, become jobs */
#ifndef QUEUE_HANDOUT_H
#define QUEUE_HANDOUT_H

#include "queue/attempt.h"

/* Hands out all who are owed, as deliveries that wait for their turn; those
 * whose site rests wait, and those of a message for one site that has no
 * room; of others too where memory is half full or siterate limits it.  If
 * anybody is handed out for the second time or later, the attempt is written
 * first; then the message does something and is to be called again. */
void handout_begin(struct message *msg);

/* Parks the message at the site it waits for. */
void handout_park(struct message *msg);

#endif
