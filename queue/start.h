/* start.h - what godwit start opens before it supervises */
#ifndef QUEUE_START_H
#define QUEUE_START_H

#include "queue/supervise.h"

/* Opens what the programs get: the spool's lock, waited for at most wait
 * seconds, todo/, and the three sockets in run/, whose folder is made if it
 * is missing.  Ends the program with a line and exit 111 if it cannot. */
void start_open(struct supervise_plan *p, unsigned wait);

/* Takes the sockets' names away and closes all. */
void start_close(struct supervise_plan *p);

#endif
