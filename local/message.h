/* message.h - one job from the manager, made ready
 *
 * First the recipients' accounts are looked up, then, if there is one, the
 * view of the content is made.  Both may block and so are done in the pool
 * of threads, unless all that is wanted is in memory. */
#ifndef LOCAL_MESSAGE_H
#define LOCAL_MESSAGE_H

#include <uv.h>

#include "local/content.h"
#include "local/user.h"

struct crew;

struct message_rcpt {
    struct account account;
    struct outcome outcome; /* not DONE: settled before any delivery */
};

struct message {
    uv_work_t work;
    void *owner;            /* the caller's */
    struct crew *crew;      /* the crew's, while a recipient waits there */
    struct buf bytes;       /* owned; job's views point into it */
    struct job job;
    struct content content;
    struct message_rcpt *rcpts; /* owned, job.rcpt_count of them */
    unsigned unreported;    /* the caller's: recipients without an outcome */
    const struct user_rules *rules;
    int folder;
    int result;             /* 0, or what content_step said */
    void (*on_ready)(struct message *m);
};

/* A copy of bytes, parsed.  Takes fd.  NULL if it is no job, then *partial
 * holds what could be read of it. */
struct message *message_new(struct view bytes, int fd, struct job *partial);

/* on_ready comes on the loop when all is looked up and copied, perhaps before
 * this returns.  rules and folder are borrowed until then. */
void message_prepare(struct message *m, uv_loop_t *loop,
                     const struct user_rules *rules, int folder,
                     void (*on_ready)(struct message *m));

/* The job of its recipient i alone, numbered number, as a deliverer gets
 * it.  Views point into m. */
void message_jobfor(const struct message *m, uint32_t i, uint64_t number,
                    struct job *j);

void message_free(struct message *m);

#endif
