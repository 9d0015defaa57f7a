/* channel.h - jobs out, reports back
 *
 * Two channels, local and remote, with one worker or more.  A site's jobs go
 * to one worker as long as that lives, by the place it has among them.
 * Sites take turns, so that a big or dead one holds up nobody else. */
#ifndef QUEUE_CHANNEL_H
#define QUEUE_CHANNEL_H

#include <uv.h>
#include <uthash.h>

#include "base/job.h"
#include "queue/settings.h"
#include "queue/site.h"

enum {
    JOB_BYTES_MAX = 48 * 1024, /* of recipients in one job */
    QUICK_MS = 1000,           /* for a delivery: its mailbox may have more */
};

struct message;
struct worker;

/* Some recipients of one message at one site: one job. */
struct delivery {
    UT_hash_handle hh;             /* by number, while open */
    uint64_t number;
    struct delivery *next;         /* waiting at its site */
    struct delivery *next_open, **link_open; /* of its worker */
    struct message *message;
    struct site *site;
    uint64_t opened_ms;            /* uv_now */
    bool slow;                     /* open for JOB_SLOW */
    uint32_t count;
    uint32_t open;                 /* recipients not yet reported */
    uint32_t rcpts[];              /* indexes, in ascending order */
};

struct channel {
    struct manager *manager;
    enum channel_kind kind;
    const char *name;
    unsigned limit, open, waiting;
    unsigned slow;                 /* of those that are open: local's alone */
    size_t parked;                 /* messages that wait at sites */
    unsigned window_max;
    unsigned window_quick;         /* as long as deliveries are quick */
    struct site *sites;
    struct site *round, *round_last;
    struct delivery *deliveries;   /* open, by number */
    struct worker *workers;
    uint64_t numbers;
};

/* channel_limit is to be called before anything goes out. */
void channel_init(struct channel *c, struct manager *m,
                  enum channel_kind kind);

/* What the settings allow it. */
void channel_limit(struct channel *c, const struct settings *s);

/* Takes fd: a worker that start has made. */
void channel_worker(struct channel *c, int fd);

/* A report of a worker's; and a job that was open when its worker ended,
 * whose recipients are LATER unless they were reported before. */
void channel_report(struct channel *c, const struct report *r);
void channel_lost(struct delivery *d);

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

/* What waits for a site in memory is given back without an outcome, by
 * message_waits and message_delivered. */
void channel_giveback(struct site *s);

/* At uv_now's now: local deliveries that are open for too long do not count
 * in the limit any more, and their sites get fewer. */
void channel_slow(struct channel *c, uint64_t now);

/* Parked messages whose site has rested, or who are too old, are taken up,
 * and paced sites go on.  Once a second. */
void channel_unpark(struct channel *c);

/* All sites have rested enough; lifetime is that of messages. */
void channel_retry(struct channel *c, time_t lifetime);

/* Forgets sites that failed long ago; now and then. */
void channel_sweep(struct channel *c);

/* No worker and nothing open. */
bool channel_idle(const struct channel *c);

#endif
