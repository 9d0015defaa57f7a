/* crew.h - the deliverers, and the mail that waits for them, by account
 *
 * The pool (pool.h) decides who is served next; here it is done.  Each
 * recipient that is admitted is given back through on_report, once. */
#ifndef LOCAL_CREW_H
#define LOCAL_CREW_H

#include "local/resident.h"
#include "local/settings.h"

struct crew {
    uv_loop_t *loop;
    uv_poll_t births;       /* the forker's socket */
    const struct settings *settings; /* borrowed */
    int forker;             /* borrowed: forker.h */
    struct pool pool;
    struct residents residents;
    struct deliverer *deliverers; /* by birth */
    uint64_t birth;         /* of the last deliverer */
    uint64_t number;        /* of the last job given to one */
    bool stopping;
    void *data;             /* the caller's */
    /* The outcome of recipient i of m; number and index are the caller's to
     * set. */
    void (*on_report)(struct message *m, uint32_t i, struct report *r);
    /* A deliverer is done or gone. */
    void (*on_change)(struct crew *c);
};

/* settings, forker, data and the callbacks are set by the caller before.  0 or
 * a negative errno. */
int crew_start(struct crew *c, uv_loop_t *loop);

/* Recipient i of m, whose content is ready, waits for a deliverer; m stays
 * until on_report. */
void crew_admit(struct crew *c, struct message *m, uint32_t i);

/* Serves whom it can; to be called after crew_admit. */
void crew_run(struct crew *c);

/* What is being delivered is finished, what waits is given back as LATER,
 * deliverers end. */
void crew_stop(struct crew *c);

/* No deliverer is left but those who were killed and do not die, as happens
 * on a file system that hangs: they hold the life pipe, not us. */
bool crew_isgone(const struct crew *c);

/* Closes what would keep the loop alive. */
void crew_close(struct crew *c);

#endif
