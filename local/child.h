/* child.h - a deliverer from the inside: becomes the recipient, delivers
 *
 * Jobs come by base/job.h, one recipient each, with the content; reports go
 * back.  What is read and written of a user's files, is here. */
#ifndef LOCAL_CHILD_H
#define LOCAL_CHILD_H

#include "local/user.h"

struct child_facts {
    const struct account *account;
    const char *me;
    const char *instruction;
    bool become;            /* take the account's groups, gid and uid */
};

/* Never returns, and touches nothing of a loop.  sock is a blocking
 * SOCK_SEQPACKET; life is kept open as long as the process lives.  Ends with
 * 0 when sock does; where it cannot become the account it answers the first
 * job with LATER and ends with 111. */
_Noreturn void child_run(const struct child_facts *f, int sock, int life);

#endif
