/* publish.h - files whole, named and durable, several at a time
 *
 * A file is whole and synced before new/ names it (where the file system
 * orders the two: before anybody is told), and new/ is synced before anybody
 * is told.  Until then it has no name, or where that cannot be one in tmp/
 * that is this process's own.  Each step is done for all of them before the
 * next, so that they wait for the disk together; each is synced, new/ once. */
#ifndef LOCAL_PUBLISH_H
#define LOCAL_PUBLISH_H

#include "local/deliver.h"

/* One on its way; all but the first two set by publish(). */
struct posting {
    const struct delivery *delivery; /* borrowed */
    const char *name;       /* borrowed: in new/ */
    int result;             /* 0: it is there and on disk */
    int fd;
    unsigned number;        /* among those on their way */
    bool open;              /* under way, without a fault so far */
    bool tmp;               /* has a name in tmp/ */
    bool named;             /* and one in new/ */
    bool refused;           /* no name for a nameless file */
};

/* Header and content of each are in new/ under its name.  result is 0,
 * -EEXIST if there was a file of that name, or another negative errno; then
 * it is not there by our doing. */
void publish(struct folders *f, struct posting *all, size_t count);

#endif
