/* users.h - the system users of a split instance */
#ifndef QUEUE_USERS_H
#define QUEUE_USERS_H

#include <sys/types.h>

#include "base/buf.h"

/* Makes the users and groups of queue/instance.h that are missing, and
 * godwitq a member of godwits, with the system's own tools (useradd).  made
 * gets one line for each thing done.  0; -ENOENT if the tools are missing;
 * -EIO if one of them failed, which has then said why. */
int users_make(struct buf *made);

/* The uid of any user of the host; false: there is none of that name. */
bool users_find(const char *name, uid_t *uid);

#endif
