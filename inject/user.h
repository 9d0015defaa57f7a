/* user.h - who calls */
#ifndef INJECT_USER_H
#define INJECT_USER_H

/* The calling user's name by the real uid, and the full name that passwd has
 * for it; "uid-1234" and "" for a uid that nobody knows.  Both owned by the
 * caller.
 *
 * The commands may be linked with a C library that reads /etc/passwd alone;
 * whoever is not there is looked up by getent(1), which asks whatever
 * nsswitch.conf(5) names, for at most 30 seconds. */
void user_names(char **name, char **fullname);

#endif
