/* site.h - a destination: what is under way there, and when it rests
 *
 * A site has a window of deliveries under way that grows with success and
 * halves when it could not be reached; then it rests.  While it rests, or
 * while it has as much as it takes, its messages are parked: their ids wait
 * here, and nothing is written for them.  After a rest no more than the
 * window is tried until one arrives, nor while some take long.  Where
 * siterate limits a site its jobs go one by one, and little of its mail is in
 * memory. */
#ifndef QUEUE_SITE_H
#define QUEUE_SITE_H

#include <uthash.h>

#include "base/route.h"
#include "base/verdict.h"
#include "queue/schedule.h"

enum {
    WINDOW_START = 10,
    SITE_REST_DOUBLED = 4, /* times at most; and 15 siterest is the most */
    SITE_RESTS_MAX = 15,
    SITE_FORGET_MS = 3600 * 1000,
    SITE_SHARE = 3,        /* its part of what may be in memory: a third */
    SITE_PACED_S = 10,     /* what a paced site sends in that time is */
};

struct channel;
struct delivery;
struct report;

struct site {
    UT_hash_handle hh;
    struct channel *channel;
    struct delivery *first, *last; /* waiting */
    struct site *next;             /* in the round of those that may go */
    bool in_round;
    unsigned waiting, open, window;
    unsigned slow;                 /* of those that are open */
    unsigned failures;             /* to reach it, in a row */
    uint64_t rest_until;           /* uv_now, milliseconds */
    uint64_t gap_us, next_us;      /* of siterate: from one job to the next,
                                      and when; uv_hrtime; 0: no limit */
    char *why;                     /* the last of them in words, owned */
    struct schedule parked;        /* messages not in memory, each with the
                                      moment it is too old to wait */
    char *name, *host;             /* owned; of its route: site and host */
    unsigned port;
    char *key;                     /* owned: the site, and the sender's line
                                      of bindroutes */
};

/* The site of a route; it stays while anything names it. */
struct site *site_of(struct channel *c, const struct route *route);

/* Whether the site is resting: it is not tried now. */
bool site_resting(const struct site *s);

/* Whether as much waits or is under way as the site takes now. */
bool site_crowded(const struct site *s);

/* Whether siterate lets nothing go now; site_paced_one: a job goes. */
bool site_paced(const struct site *s);
void site_paced_one(struct site *s);

/* What to tell of mail that is not tried, LATER. */
void site_outcome(const struct site *s, struct outcome *o);

/* The message waits at s, but not beyond until: then it is taken up, and
 * earlier when s has room and does not rest.  Needs its envelope no more. */
void site_park(struct site *s, uint64_t id, time_t until);

/* Messages come in as far as there is room. */
void site_unpark(struct site *s);

/* A recipient's report, ms after the job went out, says how the site is. */
void site_learn(struct site *s, const struct report *r, uint64_t ms);

/* It gets half as much at a time as before, until somebody gets through. */
void site_narrow(struct site *s);

/* The rest is over now, whatever came before. */
void site_wake(struct site *s);

/* The manager's settings are others: parked messages wait no longer than
 * lifetime after they were accepted. */
void site_reload(struct site *s, time_t lifetime);

/* A site of which nothing needs to be remembered goes. */
void site_release(struct site *s);

#endif
