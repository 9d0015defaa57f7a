/* deliverer.h - a deliverer from the outside, on the loop
 *
 * One parcel (parcel.h) at a time.  The forker (forker.h) makes it, and says
 * when it is gone; its struct lives until then, and is freed by itself after
 * on_gone. */
#ifndef LOCAL_DELIVERER_H
#define LOCAL_DELIVERER_H

#include <sys/queue.h>
#include <uthash.h>
#include <uv.h>

#include "local/content.h"
#include "local/forker.h"
#include "local/parcel.h"

enum { DELIVERER_END = 10 }; /* seconds it may take to end when told to */

struct deliverer;

struct deliverer_calls {
    /* The answers to what was given; the deliverer is idle again. */
    void (*on_reports)(struct deliverer *d, void *const *tasks,
                       const struct report *reports, unsigned count);
    /* The time given last is over. */
    void (*on_time)(struct deliverer *d);
    /* It ended while idle and not told to end, or spoke nonsense; it is
     * ending from now on.  (One that ends while busy stays so until
     * on_gone.) */
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
    void *tasks[PARCEL_MAX];    /* the caller's */
    unsigned count;             /* of them; 0: idle */
    uint64_t number;            /* of the first job */
    struct buf parcel;          /* what is to be given; empty once it is */
    const struct content *unheld; /* borrowed: goes with it */
    uint64_t given_ms;          /* when, on the loop's clock */
    uv_poll_t poll;
    uv_timer_t timer;
    int handles;
    int sock;
    int forker;                 /* borrowed */
    uint64_t birth;             /* its number at the forker */
    bool gone;
    bool ending;                /* told to end or killed */
    bool killed;
    const struct deliverer_calls *calls;
};

/* Asks the forker for one; birth is a number never used before.  NULL and *r
 * a negative errno if it could not be asked. */
struct deliverer *deliverer_new(uv_loop_t *loop, int forker, uint64_t birth,
                                const struct account *account,
                                const struct deliverer_calls *calls, int *r);

/* A job of one recipient, numbered one more than the one added before, goes
 * with what is to be given; its content, which is whole, stays until then,
 * and task is kept in d.  False: no room; for the first there always is. */
bool deliverer_add(struct deliverer *d, const struct job *j,
                   const struct content *content, void *task);

/* Gives all that, to be answered within timeout seconds.  0 or a negative
 * errno; tasks and count stay either way. */
int deliverer_give(struct deliverer *d, uint64_t timeout);

/* on_time comes after so many seconds, unless it answers or gets work. */
void deliverer_time(struct deliverer *d, uint64_t seconds);

/* Ends when it has done what it has; at once.  Harmless twice. */
void deliverer_end(struct deliverer *d);
void deliverer_kill(struct deliverer *d);

/* The forker said that it is gone. */
void deliverer_gone(struct deliverer *d, int status);

#endif
