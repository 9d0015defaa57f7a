/* channel.h - jobs out, reports back
 *
 * Two channels, local and remote, each with one worker at a time (a new one
 * takes over when start sends its socket; an old one finishes what it has).
 * Destinations are sites; a site has a window of deliveries under way that
 * grows with success and shrinks with failure, and rests when it could not
 * be reached.  Sites take turns, so that a big or dead one holds up nobody
 * else. */
#ifndef QUEUE_CHANNEL_H
#define QUEUE_CHANNEL_H

#include <uv.h>
#include <uthash.h>

#include "base/job.h"
#include "queue/route.h"

enum {
    WINDOW_START = 10,
    SITE_REST = 60,       /* seconds after the first failure to reach it */
    SITE_REST_MAX = 900,
    SITE_FORGET_MS = 3600 * 1000,
    SITE_WAITING_MAX = 1000, /* a third of what may be in memory */
    JOB_BYTES_MAX = 48 * 1024, /* of recipients in one job */
};

struct message;
struct channel;

struct site {
    UT_hash_handle hh;
    struct channel *channel;
    struct delivery *first, *last; /* waiting */
    struct site *next;             /* in the round of those that may go */
    bool in_round;
    unsigned waiting, open, window;
    unsigned failures;             /* to reach it, in a row */
    uint64_t rest_until;           /* uv_now, milliseconds */
    uint64_t *parked;              /* ids, owned: messages not in memory that
                                      wait for room here */
    size_t parked_at, parked_count, parked_room;
    struct route route;
};

/* Some recipients of one message at one site: one job. */
struct delivery {
    UT_hash_handle hh;             /* by number, while open */
    uint64_t number;
    struct delivery *next;         /* waiting at its site */
    struct delivery *next_open, **link_open; /* of its worker */
    struct message *message;
    struct site *site;
    uint32_t count;
    uint32_t open;                 /* recipients not yet reported */
    uint32_t rcpts[];              /* indexes, in ascending order */
};

struct worker {
    uv_poll_t poll;
    struct channel *channel;
    int fd;
    struct delivery *open;
    struct worker *next;
    bool closing, blocked, shut;
};

struct channel {
    struct manager *manager;
    enum channel_kind kind;
    const char *name;
    unsigned limit, open, waiting;
    unsigned window_max;
    struct site *sites;
    struct site *round, *round_last;
    struct delivery *deliveries;   /* open, by number */
    struct worker *workers;        /* the first is the one that gets jobs */
    uint64_t numbers;
};

void channel_init(struct channel *c, struct manager *m, enum channel_kind kind,
                  unsigned limit, unsigned window_max);

/* Takes fd: a worker that start has made. */
void channel_worker(struct channel *c, int fd);

/* The site of a route; it stays while deliveries name it. */
struct site *channel_site(struct channel *c, const struct route *route);

/* Whether the site is resting (then LATER without an attempt). */
bool site_resting(const struct site *s);

/* Whether enough waits for this site in memory; a message for it alone is
 * then parked: taken up again when there is room. */
bool site_crowded(const struct site *s);
void site_park(struct site *s, uint64_t id);

/* count recipients of message at site wait for their turn (indexes copied).
 * The message is told of each outcome by message_report and of the
 * delivery's end by message_delivered. */
void channel_add(struct site *s, struct message *message,
                 const uint32_t *rcpts, uint32_t count);

/* Hands out what may go. */
void channel_run(struct channel *c);

/* Waiting deliveries are given back without an outcome, workers are told to
 * finish; their last reports still come. */
void channel_stop(struct channel *c);

/* Forgets sites that failed long ago; now and then. */
void channel_sweep(struct channel *c);

/* No worker and nothing open. */
bool channel_idle(const struct channel *c);

#endif
