/* scan.h - looks at the folders: todo/ for what no hint told, info/ for when
 * the deferred are due
 *
 * In the pool, info/ in slices.  A folder that cannot be read is looked at
 * again in a minute. */
#ifndef QUEUE_SCAN_H
#define QUEUE_SCAN_H

#include "queue/takeup.h"

/* The ids in todo/ become hints, the oldest first. */
void scan_todo(struct takeup *t);

/* The next slice of info/, up to its end; once after a start. */
void scan_info(struct takeup *t);

#endif
