/* door.h - where messages come to enqueue: callers and their frames
 *
 * The frames are those of base/submit.h.  The public door is open to every
 * user; only the manager's own takes a chosen id and what a bounce
 * answers. */
#ifndef QUEUE_DOOR_H
#define QUEUE_DOOR_H

#include "queue/access.h"
#include "queue/gather.h"
#include "queue/hint.h"
#include "queue/settings.h"

enum {
    CALLERS_MAX = 2000,           /* connections of the public door */
    CALLERS_PER_UID = 1000,
    ENVELOPES_MAX = 64 << 20,     /* bytes of envelopes being received */
    CALLER_IDLE_MS = 1800 * 1000, /* without a byte */
    CALLER_TOTAL_MS = 4 * 3600 * 1000,
};

enum door_kind { DOOR_PUBLIC, DOOR_MANAGER };

struct enqueue; /* what all doors share, below */

struct door {
    uv_pipe_t pipe;
    enum door_kind kind;
    struct enqueue *enqueue; /* borrowed */
    unsigned callers;
    int reserve;             /* given up to turn callers away without
                                descriptors; -1: none */
    unsigned stuck;          /* times in a row that even that did not help */
};

struct enqueue {
    uv_loop_t *loop;
    struct todo todo;
    struct commit commit;
    struct gather gather;
    struct settings settings;
    struct access access;
    uid_t owner;              /* of the spool: he may send as anybody */
    struct door public_door, manager_door;
    struct hint hint;
    int queuedir;
    struct caller *callers;   /* all, both doors */
    size_t envelopes;         /* bytes of envelopes in memory */
    bool stopping;
    uint64_t space_checked;   /* uv_now of the last look at free space */
    bool space;
};

/* Serves a listening socket. */
int door_listen(struct door *d, struct enqueue *e, enum door_kind kind,
                int fd);

/* Serves one connected socket as a caller of the public door. */
int door_serve(struct door *d, struct enqueue *e, int fd);

/* No new callers or messages; those whose message is complete are answered,
 * then the loop runs empty. */
void door_stop(struct enqueue *e);

#endif
