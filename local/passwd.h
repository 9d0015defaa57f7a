/* passwd.h - accounts as the system knows them (getpwnam and its kin)
 *
 * Both may block for as long as a lookup service does: not for a loop
 * thread.  1 and a filled (free it with account_free), 0: there is no such
 * account, or a negative errno.  The groups are looked up at once, because a
 * forked child of a program with threads must not. */
#ifndef LOCAL_PASSWD_H
#define LOCAL_PASSWD_H

#include "local/user.h"

int passwd_byname(const char *name, struct account *a);
int passwd_byuid(uid_t uid, struct account *a);

#endif
