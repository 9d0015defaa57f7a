/* folders.h - owner and mode of the spool's folders, lock and trigger
 *
 * Blocking.  They are those of instance.h, which init gives them. */
#ifndef QUEUE_FOLDERS_H
#define QUEUE_FOLDERS_H

#include "queue/finding.h"
#include "queue/instance.h"

/* Tells of each part of queue/ that is not as it should be; with mend owner
 * and mode are set, and done says whether that went well.  owner: of the
 * queue folder, where one user has all. */
void folders_look(const struct instance *i, uid_t owner, bool mend,
                  void (*say)(void *data, const char *name, const char *what,
                              enum act act, int done), void *data);

#endif
