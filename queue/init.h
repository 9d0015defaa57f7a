/* init.h - makes an instance, or mends one */
#ifndef QUEUE_INIT_H
#define QUEUE_INIT_H

#include "queue/instance.h"

/* Makes what is missing of i and mends modes, each reported by a line on
 * standard output; all of it is on disk when this returns 0.  me is the
 * host's mail name, NULL to ask the system.  Else an exit code: 100 what the
 * operator has to decide, 111 what the system refused, with a line on
 * standard error that names the path and what to do.  What was made stays,
 * and another run goes on from there. */
int init_instance(struct instance *i, const char *me);

#endif
