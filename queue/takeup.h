/* takeup.h - finds mail that is to be tried
 *
 * Fresh ids come by the trigger, a hint; scans of todo/ find what the hint
 * missed.  Deferred ones stand in the schedule, filled from info/ in the
 * background after a start.  Loading reads header, envelope and records,
 * never the content, in the pool. */
#ifndef QUEUE_TAKEUP_H
#define QUEUE_TAKEUP_H

#include <uv.h>

#include "queue/idqueue.h"
#include "queue/idset.h"
#include "queue/schedule.h"
#include "queue/store.h"

enum {
    ACTIVE_MAX = 3000,     /* messages in memory, each with a descriptor */
    LOADING_MAX = 64,
    LOCKS_MAX = 32,
    FRESH_MAX = 65536,     /* ids waiting; more are left to the next scan */
    SCAN_IDLE_MS = 300 * 1000,
    ACTIVE_BYTES_MAX = 64 << 20, /* of envelopes and records in memory */
    INFO_SLICE = 512,      /* files of info/ looked at in one pool job */
    INFO_JOBS = 4,         /* such jobs at a time: a disk reads side by side */
};

/* Moments in the schedule that stand for a wish. */
enum {
    ASKED = 1,             /* due whatever its slot says */
    FORCED = 2,            /* the same, and its sites have rested */
};

struct manager;
struct load_batch;
struct aside;

struct takeup {
    struct manager *manager;
    struct schedule schedule;
    struct idqueue fresh;   /* at most FRESH_MAX */
    struct idset waiting;   /* ids that are parked at a site */
    struct idqueue parked;  /* those it has room for again */
    uint64_t loads[LOADING_MAX]; /* ids being loaded */
    uint64_t locks[LOCKS_MAX];   /* ids that somebody else works on */
    unsigned lock_count;
    unsigned loading;
    unsigned loaded;        /* so far, those being loaded too */
    unsigned turn;          /* of those that may come next */
    uint64_t began_ms;      /* by the clock */
    struct aside *asides;        /* damaged, on their way to broken/ */
    struct load_batch *batch;    /* asked for, not yet begun */
    bool scanning;
    bool missed;            /* todo/ may hold more than fresh */
    bool started;           /* the first scans are over */
    bool asked;             /* what they still find is due now */
    uv_work_t scan_work, info_work;
    uint64_t *found;        /* of the scan under way */
    size_t found_count, found_room, found_max;
    int scan_result, info_result;
    uint64_t *info;         /* ids of info/, owned; from info_at on nobody has
                               looked at them */
    size_t info_count, info_at;
    bool info_listed;
    unsigned info_busy;     /* pool jobs with info/ */
    size_t foreign;
    uv_timer_t due, idle, again;
    uv_poll_t trigger;
    int trigger_fd;
    uint64_t held, unreadable;
    uint64_t *skip;         /* owned: recovery could not read them; they wait
                               for the next start */
    size_t skip_count;
};

/* Serves the trigger, begins the first scans.  0 or a negative errno. */
int takeup_init(struct takeup *t, struct manager *m);

/* id may be in todo/. */
void takeup_hint(struct takeup *t, uint64_t id);

/* id, taken up before, waits at a site: no scan finds it.  False if it does
 * so already. */
bool takeup_park(struct takeup *t, uint64_t id);

/* Its wait is over; nothing to do if it was taken up by another way. */
void takeup_unpark(struct takeup *t, uint64_t id);

/* Loads what there is room for. */
void takeup_run(struct takeup *t);

/* id is due now, whatever its slot says and wherever it waits; the sites it
 * goes to have rested enough. */
void takeup_force(struct takeup *t, uint64_t id);

/* id is loaded to fail for all who are owed, or to be set aside; false if as
 * many are being loaded as can be. */
bool takeup_cancel(struct takeup *t, uint64_t id, bool discard, unsigned uid);

/* While it is locked id is not loaded, and a moment it is due is forgotten:
 * who unlocks it sees to that.  false if too many are. */
bool takeup_lock(struct takeup *t, uint64_t id);
void takeup_unlock(struct takeup *t, uint64_t id);

/* Whether id is locked or being loaded. */
bool takeup_locked(const struct takeup *t, uint64_t id);

/* Everything deferred is due now (ALRM). */
void takeup_all(struct takeup *t);

/* No load or scan is under way. */
bool takeup_idle(const struct takeup *t);

#endif
