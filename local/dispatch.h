/* dispatch.h - jobs in, deliverers, reports out
 *
 * A job becomes a message (message.h); its recipients wait at their accounts
 * until the pool (pool.h) has a deliverer for them; each recipient gets
 * exactly one report, whatever happens. */
#ifndef LOCAL_DISPATCH_H
#define LOCAL_DISPATCH_H

#include "local/deliverer.h"
#include "local/message.h"
#include "local/pool.h"
#include "local/settings.h"
#include "local/wire.h"

enum { DISPATCH_JOBS_MAX = 1000 }; /* at once; more stay in the socket */

struct dispatch {
    const struct settings *settings; /* borrowed */
    struct user_rules rules;
    struct wire wire;
    uv_signal_t child;
    uv_loop_t *loop;
    int folder;             /* borrowed: where nameless files are made */
    int life;               /* borrowed: the end of the life pipe */
    struct pool pool;
    LIST_HEAD(deliverers, deliverer) deliverers;
    unsigned messages;      /* not yet reported in full */
    uint64_t number;        /* of the last job given to a deliverer */
    bool stopping;
};

/* Runs on loop from now on until the manager ends sock and all is reported;
 * then its handles close and the loop can end.  0 or a negative errno. */
int dispatch_start(struct dispatch *d, uv_loop_t *loop,
                   const struct settings *settings, int sock);

#endif
