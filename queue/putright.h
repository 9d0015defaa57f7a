/* putright.h - what is to be done about a finding is done
 *
 * Blocking.  New name, sync of its folder, and only then the old name goes:
 * a crash between leaves one file with two names, which the next look finds.
 * Nothing is replaced, nothing is deleted. */
#ifndef QUEUE_PUTRIGHT_H
#define QUEUE_PUTRIGHT_H

#include "queue/inspect.h"

/* Does act for the name, whose id is id (as inspect_name told it).  0, or a
 * negative errno, and then the old name is there as before. */
int putright(const struct inspect *in, enum spot spot, const char *name,
             enum act act, uint64_t id);

/* The name below queue/ that the act gives, before it is known whether that
 * is free; empty if it gives none. */
void putright_target(struct buf *b, enum spot spot, const char *name,
                     enum act act, uint64_t id);

/* Sets owner and mode of what stands under name in dir, which is followed
 * nowhere and has to be of this type. */
int putright_rights(int dir, const char *name, mode_t type, uint32_t uid,
                    uint32_t gid, mode_t mode);

#endif
