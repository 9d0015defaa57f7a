/* listen.h - a listening unix stream socket by name */
#ifndef QUEUE_LISTEN_H
#define QUEUE_LISTEN_H

#include <sys/types.h>

#include "base/jail.h"

/* Binds name in the folder dirfd, whose path may be of any length, in place
 * of what was left there, and listens; non-blocking.  The name belongs to
 * owner and has mode before anybody else can connect.  Needs /proc. */
int listen_at(int *fd, int dirfd, const char *name,
              const struct jail_user *owner, mode_t mode);

#endif
