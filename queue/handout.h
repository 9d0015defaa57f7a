/* handout.h - a message's recipients, grouped by site, become jobs */
#ifndef QUEUE_HANDOUT_H
#define QUEUE_HANDOUT_H

#include "queue/attempt.h"

/* Hands out all who are owed: to sites that rest as LATER at once, to others
 * as deliveries that wait for their turn.  A message for one site that has
 * no room is parked there instead. */
void handout_begin(struct message *msg);

#endif
