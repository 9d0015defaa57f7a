#include "queue/takeup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "queue/load.h"
#include "queue/manager.h"
#include "queue/scan.h"

enum {
    TRIGGER_FULL = 32768, /* bytes at once: hints may have been lost */
};

static void
load(struct takeup *t, uint64_t id, enum load_kind kind)
{
    load_begin(t, id, kind, 0);
}

bool
takeup_cancel(struct takeup *t, uint64_t id, bool discard, unsigned uid)
{
    if (t->loading == LOADING_MAX)
        return false;
    load_begin(t, id, discard ? LOAD_DISCARD : LOAD_CANCEL, uid);
    load_flush(t);
    return true;
}

void
takeup_force(struct takeup *t, uint64_t id)
{
    schedule_add(&t->schedule, FORCED, id);
    takeup_run(t);
}

bool
takeup_park(struct takeup *t, uint64_t id)
{
    return idset_add(&t->waiting, id);
}

void
takeup_unpark(struct takeup *t, uint64_t id)
{
    if (idset_has(&t->waiting, id))
        idqueue_add(&t->parked, id);
}

/* One may be here twice, or was taken up by another way. */
static bool
take_parked(struct takeup *t, uint64_t *id)
{
    while (idqueue_take(&t->parked, id))
        if (idset_has(&t->waiting, *id))
            return true;
    return false;
}

/* The same message may stand in the schedule twice, then side by side. */
static bool
take_due(struct takeup *t, uint64_t *id, enum load_kind *kind)
{
    uint64_t twin;
    time_t due;

    if (!schedule_earliest(&t->schedule, &due, &twin) ||
        !schedule_take(&t->schedule, time(NULL), id))
        return false;
    *kind = due == FORCED  ? LOAD_FORCED
            : due == ASKED ? LOAD_ASKED
                           : LOAD_DUE;
    while (schedule_earliest(&t->schedule, &due, &twin) && twin == *id)
        schedule_pop(&t->schedule, &twin);
    return true;
}

static void
on_due(uv_timer_t *timer)
{
    takeup_run(timer->data);
}

static void
set_timer(struct takeup *t)
{
    time_t due, now = time(NULL);
    uint64_t id;

    /* A clock that was set is noticed within a minute. */
    if (schedule_earliest(&t->schedule, &due, &id))
        uv_timer_start(&t->due, on_due,
                       due <= now        ? 1000
                       : due - now > 60 ? 60000
                                        : (uint64_t)(due - now) * 1000, 0);
}

static bool
room(struct takeup *t)
{
    struct manager *m = t->manager;

    return t->loading < LOADING_MAX && !m->stopping &&
           m->active_count + t->loading < m->active_max &&
           m->active_bytes < ACTIVE_BYTES_MAX && !ledger_blocked(&m->ledger);
}

/* Half is for what a site has room for, of the rest fresh mail comes first,
 * but old mail has its share; also where one comes for each that leaves. */
static bool
take(struct takeup *t, uint64_t *id, enum load_kind *kind)
{
    unsigned turn = t->turn++;

    *kind = LOAD_PARKED;
    if (turn % 2 == 0 && take_parked(t, id))
        return true;
    *kind = LOAD_FRESH;
    if (turn % 8 < 6 && idqueue_take(&t->fresh, id))
        return true;
    if (take_due(t, id, kind))
        return true;
    *kind = LOAD_FRESH;
    if (idqueue_take(&t->fresh, id))
        return true;
    *kind = LOAD_PARKED;
    return take_parked(t, id);
}

void
takeup_run(struct takeup *t)
{
    enum load_kind kind;
    uint64_t id;

    while (room(t) && take(t, &id, &kind))
        load(t, id, kind);
    load_flush(t);
    if (t->missed && idqueue_count(&t->fresh) == 0 && room(t) &&
        !uv_is_active((uv_handle_t *)&t->again))
        scan_todo(t);
    if (!t->manager->stopping)
        set_timer(t);
}

void
takeup_hint(struct takeup *t, uint64_t id)
{
    if (idqueue_count(&t->fresh) < FRESH_MAX)
        idqueue_add(&t->fresh, id);
    else
        t->missed = true;
}

static void
on_idle(uv_timer_t *timer)
{
    struct takeup *t = timer->data;

    t->missed = true;
    takeup_run(t);
}

static void
on_trigger(uv_poll_t *poll, int status, int events)
{
    struct takeup *t = poll->data;
    uint64_t ids[512];
    size_t total = 0;
    ssize_t n;

    (void)status;
    (void)events;
    while ((n = read(t->trigger_fd, ids, sizeof ids)) > 0) {
        for (size_t i = 0; i < (size_t)n / sizeof *ids; i++)
            if (ids[i])
                takeup_hint(t, get_u64(&ids[i]));
            else
                t->missed = true;
        total += (size_t)n;
    }
    if (total >= TRIGGER_FULL)
        t->missed = true;
    takeup_run(t);
}

int
takeup_init(struct takeup *t, struct manager *m)
{
    int r;

    memset(t, 0, sizeof *t);
    t->manager = m;
    t->began_ms = date_now();
    t->scan_work.data = t->info_work.data = t;
    t->due.data = t->idle.data = t->again.data = t->trigger.data = t;
    /* Both ends: it never ends while enqueue comes and goes. */
    t->trigger_fd = openat(m->store.queue, "trigger",
                           O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->trigger_fd < 0)
        return -errno;
    uv_timer_init(m->loop, &t->due);
    uv_timer_init(m->loop, &t->idle);
    uv_timer_init(m->loop, &t->again);
    uv_timer_start(&t->idle, on_idle, SCAN_IDLE_MS, SCAN_IDLE_MS);
    if ((r = uv_poll_init(m->loop, &t->trigger, t->trigger_fd)) < 0)
        return r;
    uv_poll_start(&t->trigger, UV_READABLE, on_trigger);
    scan_todo(t);
    return 0;
}

void
takeup_all(struct takeup *t)
{
    struct schedule old = t->schedule;

    memset(&t->schedule, 0, sizeof t->schedule);
    for (size_t i = 0; i < old.count; i++)
        schedule_add(&t->schedule, ASKED, old.entries[i].id);
    schedule_free(&old);
    t->asked = !t->started;
    channel_retry(&t->manager->local,
                  (time_t)t->manager->settings.queuelifetime);
    channel_retry(&t->manager->remote,
                  (time_t)t->manager->settings.queuelifetime);
    scan_todo(t);
    takeup_run(t);
}

bool
takeup_idle(const struct takeup *t)
{
    return t->loading == 0 && !t->scanning && !t->info_busy;
}
