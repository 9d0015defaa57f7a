/* control.h - run/control: what an operator asks the manager for
 *
 * Lines of text, many a connection, one at a time.  A request is a word and
 * its arguments, blanks between:
 *   flush             everything deferred is tried now
 *   flush ID          that message
 *   hold ID, release ID
 *   cancel ID         whoever is owed fails now, and the sender is told
 *   discard ID        set aside in broken/
 *   status            numbers, `key=value` on one line
 * The answer is one line: `ok ...`, or `no ...` with the reason.  Only root
 * and the spool's owner may ask; the kernel says who does. */
#ifndef QUEUE_CONTROL_H
#define QUEUE_CONTROL_H

#include <uv.h>

enum {
    CONTROL_LINE_MAX = 256,
    CONTROL_CALLERS_MAX = 32,
    CONTROL_IDLE_MS = 60 * 1000,
};

struct manager;

struct control {
    struct manager *manager;
    uv_pipe_t pipe;
    unsigned callers;
};

/* Serves a listening socket.  0 or a negative errno. */
int control_listen(struct control *c, struct manager *m, int fd);

#endif
