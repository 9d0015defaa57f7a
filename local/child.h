/* child.h - a deliverer from the inside: becomes the recipient, delivers
 *
 * What comes and goes: parcel.h.  What is read and written of a user's files,
 * is here. */
#ifndef LOCAL_CHILD_H
#define LOCAL_CHILD_H

#include "local/user.h"

enum { CHILD_SOCK = 3, CHILD_LIFE = 4 };

struct child_facts {
    const struct account *account;
    const char *me;
    const char *instruction;
    bool become;            /* take the account's groups, gid and uid */
};

/* What all deliverers have from the process that forks them: sock and life
 * at CHILD_SOCK and CHILD_LIFE, /dev/null at 0 and 1, nothing else but
 * standard error; signals as they come; no core, no new privileges.  0 or a
 * negative errno. */
int child_prepare(int sock, int life);

/* After fork in such a process.  Never returns.  jobs, a blocking
 * SOCK_SEQPACKET, takes the place of CHILD_SOCK.  Ends with 0 when it does;
 * where it cannot become the account it answers the first job with LATER and
 * ends with 111. */
_Noreturn void child_run(const struct child_facts *f, int jobs);

#endif
