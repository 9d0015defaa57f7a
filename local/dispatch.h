/* dispatch.h - jobs in, reports out
 *
 * A job becomes a message (message.h), its recipients are admitted to the
 * crew (crew.h); each of them gets exactly one report, whatever happens. */
#ifndef LOCAL_DISPATCH_H
#define LOCAL_DISPATCH_H

#include "local/crew.h"
#include "local/wire.h"

struct dispatch {
    struct user_rules rules; /* its lookup is set by the caller */
    int folder;             /* the caller's: where nameless files are made */
    struct crew crew;       /* its life is set by the caller */
    struct wire wire;
    uv_loop_t *loop;
    uv_prepare_t before;    /* before the loop waits: what gathered goes */
    bool admitted;          /* something waits for the crew */
    unsigned messages;      /* not yet reported in full */
    unsigned messages_max;  /* more stay in the socket */
    bool stopping;
};

/* Runs on loop from now on until the manager ends sock and all is reported;
 * then its handles close and the loop can end.  settings are borrowed.  0 or
 * a negative errno. */
int dispatch_start(struct dispatch *d, uv_loop_t *loop,
                   const struct settings *settings, int sock);

#endif
