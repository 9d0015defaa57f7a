/* user.h - who calls */
#ifndef INJECT_USER_H
#define INJECT_USER_H

#include "base/verdict.h"

/* The calling user's name by the real uid, and the full name that passwd has
 * for it; "uid-1234" and "" for a uid that nobody knows.  Both owned by the
 * caller.  LATER, with both NULL: those who may know could not be asked for
 * want of memory, descriptors or a disk that reads, or did not answer; who
 * calls under a wrong name would never hear of what failed.
 *
 * The commands may be linked with a C library that reads /etc/passwd alone;
 * whoever is not there is looked up by getent(1), which asks whatever
 * nsswitch.conf(5) names, for at most 30 seconds. */
enum verdict user_names(char **name, char **fullname, struct outcome *o);

#endif
