/* caller.h - one connection to enqueue: frames in, answers out */
#ifndef QUEUE_CALLER_H
#define QUEUE_CALLER_H

#include <sys/socket.h>

#include "queue/door.h"

/* One connection.  Dies with its last close callback. */
struct caller {
    struct caller *next, **link;
    struct door *door;
    uv_pipe_t pipe;
    uv_timer_t idle;
    uint64_t began;
    struct ucred who;
    struct buf in;       /* frames not yet looked at */
    struct buf out;
    uv_write_t write;
    struct incoming message;
    struct envelope envelope;
    struct storing storing;
    struct buf who_text; /* the envelope's caller field */
    bool begun;          /* a frame of the current message was seen */
    bool busy;           /* held, below */
    bool closing;
    bool rejected;       /* one connection too many: answered, then closed */
    char refusal;        /* 0, or 'Z' or 'N': the message is not wanted */
    char why[512];
    int handles;
};

/* A caller of d whose pipe is still to be connected. */
struct caller *caller_new(struct door *d);

/* Its pipe is connected: looks who it is and serves it, if there is room. */
void caller_welcome(struct caller *c);

/* While something is done for it the caller stays until that has ended. */
void caller_close(struct caller *c);

/* Something is done for it in the pool, or waits for that; has been done. */
void caller_hold(struct caller *c);
void caller_release(struct caller *c);

/* The answer to the message at hand, which is forgotten; then the next. */
void caller_answer(struct caller *c, char kind, struct view payload);

/* Looks at what has come; reads on when more is needed. */
void caller_look(struct caller *c);

#endif
