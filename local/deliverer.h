/* deliverer.h - a deliverer from the outside, on the loop
 *
 * One delivery at a time.  The forker (forker.h) makes it, and says when it
 * is gone; its struct lives until then, and is freed by itself after
 * on_gone. */
#ifndef LOCAL_DELIVERER_H
#define LOCAL_DELIVERER_H

#include <sys/queue.h>
#include <uthash.h>
#include <uv.h>

#include "local/content.h"
#include "local/forker.h"

enum { DELIVERER_END = 10 }; /* seconds it may take to end when told to */

struct deliverer;

struct deliverer_calls {
    /* The answer to what was given; the deliverer is idle again. */
    void (*on_report)(struct deliverer *d, void *task,
                      const struct report *r);
    /* The time given last is over. */
    void (*on_time)(struct deliverer *d);
    /* It ended, or spoke nonsense, while idle and not told to end; it is
     * ending from now on.  (While busy it stays so until on_gone.) */
    void (*on_broken)(struct deliverer *d);
    /* Dead and waited for, or never born; what was given and not answered is
     * the caller's to answer.  status as in struct forker_event.  The last
     * call. */
    void (*on_gone)(struct deliverer *d, int status);
};

struct deliverer {
    UT_hash_handle hh;          /* the caller's, by birth */
    TAILQ_ENTRY(deliverer) link; /* the caller's */
    void *owner;                /* the caller's */
    int state;                  /* the caller's */
    void *task;                 /* the caller's; NULL: idle */
    uv_poll_t poll;
    uv_timer_t timer;
    int handles;
    int sock;
    int forker;                 /* borrowed */
    uint64_t birth;             /* its number at the forker */
    bool gone;
    bool ending;                /* told to end or killed */
    bool killed;
    uint64_t number;            /* of the job given, while busy */
    const struct deliverer_calls *calls;
};

/* Asks the forker for one; birth is a number never used before.  NULL and *r
 * a negative errno if it could not be asked. */
struct deliverer *deliverer_new(uv_loop_t *loop, int forker, uint64_t birth,
                                const struct account *account,
                                const struct deliverer_calls *calls, int *r);

/* A job of one recipient, to be answered within timeout seconds, and its
 * content, which is whole; task is kept in d.  0 or a negative errno. */
int deliverer_give(struct deliverer *d, const struct job *j,
                   const struct content *content, uint64_t timeout,
                   void *task);

/* on_time comes after so many seconds, unless it answers or gets work. */
void deliverer_time(struct deliverer *d, uint64_t seconds);

/* Ends when it has done what it has; at once.  Harmless twice. */
void deliverer_end(struct deliverer *d);
void deliverer_kill(struct deliverer *d);

/* The forker said that it is gone. */
void deliverer_gone(struct deliverer *d, int status);

#endif
