/* byhand.h - `godwit-remote host sender recipient...`, as qmail-remote
 *
 * The message comes on standard input.  This process plays the manager for a
 * child that is the worker it always is; what the child reports is printed in
 * qmail-remote's form. */
#ifndef REMOTE_BYHAND_H
#define REMOTE_BYHAND_H

#include <stdbool.h>

enum { BYHAND_FD = 3 }; /* the child's end of the socket */

/* Returns in the child alone, which goes on as a worker on BYHAND_FD; true if
 * the mail goes by a relay of smtproutes.  The other one exits with 0 when all
 * is printed. */
bool byhand(int argc, char **argv);

#endif
