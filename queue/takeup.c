#include "queue/takeup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/answers.h"
#include "queue/attempt.h"
#include "queue/manager.h"
#include "queue/retry.h"

enum {
    AGAIN = 60,           /* seconds until an unreadable file is read again */
    TRIGGER_FULL = 32768, /* bytes at once: hints may have been lost */
    FORCED = 1,           /* due whatever its slot says */
    AHEAD_MAX = 86400,    /* no gap is longer: the clock was wrong then */
};

enum load_kind {
    LOAD_FRESH,
    LOAD_DUE,
    LOAD_FORCED, /* whatever its slot says */
    LOAD_PARKED, /* was due before and is not advanced again */
    LOAD_CANCEL, LOAD_DISCARD,
};

/* One queue file being read. */
struct load {
    uv_work_t work;
    struct takeup *takeup;
    uint64_t id;
    enum load_kind kind;
    bool due;
    unsigned uid;         /* who cancels */
    struct queued queued;
    const char *why;
    int result;
};

static bool
any(const struct queued *q, enum rcpt_state state)
{
    for (uint32_t i = 0; i < q->header.rcpt_count; i++)
        if (q->states[i].state == state)
            return true;
    return false;
}

/* The next attempt is written before this one, so that a crash in it hammers
 * nobody; the first attempt has nothing to write. */
static int
advance(struct load *l, const struct store *s)
{
    struct queued *q = &l->queued;
    uint64_t now = (uint64_t)time(NULL);

    l->due = l->kind != LOAD_DUE || q->place == PLACE_TODO || !q->slot_ok ||
             q->slot.next <= now ||
             (q->slot.next > now + AHEAD_MAX &&
              q->slot.next > q->envelope.notbefore);
    if (q->place == PLACE_TODO || !l->due || q->slot.hold ||
        q->envelope.notbefore > now || l->kind >= LOAD_PARKED ||
        any(q, FAILED) || !any(q, OWED))
        return 0;
    q->slot.attempts++;
    q->slot.next = (uint64_t)retry_next(q->id, (time_t)now, q->slot.attempts);
    return store_slot(s, q->place, q->id, &q->slot);
}

static void
load_work(uv_work_t *w)
{
    struct load *l = w->data;
    const struct store *s = &l->takeup->manager->store;

    if (l->kind != LOAD_FRESH)
        l->result = store_load(s, PLACE_INFO, l->id, &l->queued, &l->why);
    if (l->kind == LOAD_FRESH || l->result == -ENOENT)
        l->result = store_load(s, PLACE_TODO, l->id, &l->queued, &l->why);
    if (l->result == 0 && (l->result = advance(l, s)) < 0)
        queued_free(&l->queued);
}

/* A damaged file on its way to broken/. */
struct aside {
    struct manager *manager;
    struct queued queued;
    struct ledger_wait wait;
    struct effect effect;
    struct checkpoint_item item;
};

static void
on_aside(struct effect *e)
{
    struct aside *a = (struct aside *)((char *)e -
                                       offsetof(struct aside, effect));
    struct manager *m = a->manager;

    checkpoint_done(&m->checkpoint, &a->item, UINT64_MAX);
    m->active_count--;
    free(a);
    manager_wake(m);
}

static void
on_aside_recorded(struct ledger_wait *w)
{
    struct aside *a = (struct aside *)((char *)w -
                                       offsetof(struct aside, wait));

    a->effect.kind = EFFECT_ASIDE;
    a->effect.queued = &a->queued;
    a->effect.done = on_aside;
    effects_add(&a->manager->effects, &a->effect);
}

static void
set_aside(struct manager *m, uint64_t id, enum place place, const char *why)
{
    struct aside *a = mem_alloc(sizeof *a);
    id_text text;

    a->manager = m;
    a->queued.id = id;
    a->queued.place = place;
    a->queued.fd = -1;
    m->active_count++;
    log_event("broken id=%s from=%s why=%s then=\"set aside in broken/, to "
              "be looked at\"", id_print(id, text), place_name(place), why);
    ledger_line(&m->ledger, NULL, "broken id=%s from=%s why=%s", text,
                place_name(place), why);
    checkpoint_note(&m->checkpoint, &a->item);
    ledger_wait(&m->ledger, &a->wait, on_aside_recorded);
}

/* A bounce waits while the message it answers is in memory: that one records
 * the bounce itself. */
static bool
wait_for_original(struct manager *m, const struct queued *q)
{
    struct message *original;
    uint64_t id;

    if (q->place != PLACE_TODO || q->envelope.answers.len == 0)
        return false;
    id = answers_id(q->envelope.answers);
    HASH_FIND(hh, m->active, &id, sizeof id, original);
    if (original)
        message_then(original, q->id);
    return original != NULL;
}

static void
loaded(struct load *l)
{
    struct takeup *t = l->takeup;
    struct manager *m = t->manager;
    struct queued *q = &l->queued;
    struct message *there;

    HASH_FIND(hh, m->active, &l->id, sizeof l->id, there);
    if (there || m->stopping || wait_for_original(m, q)) {
        queued_free(q);
    } else if (l->kind == LOAD_CANCEL || l->kind == LOAD_DISCARD) {
        message_cancel(m, q, l->kind == LOAD_DISCARD, l->uid);
    } else if (q->place == PLACE_INFO && !l->due && !any(q, FAILED) &&
               any(q, OWED)) {
        if (!q->slot.hold)
            schedule_add(&t->schedule, (time_t)q->slot.next, l->id);
        queued_free(q);
    } else {
        /* Found by a scan: an earlier life may have tried it. */
        message_begin(m, q, l->due, !t->started, l->kind == LOAD_PARKED);
    }
}

static void
on_loaded(uv_work_t *w, int status)
{
    struct load *l = w->data;
    struct takeup *t = l->takeup;
    int r = status < 0 ? status : l->result;
    id_text id;

    for (unsigned i = 0; i < t->loading; i++)
        if (t->loads[i] == l->id) {
            t->loads[i] = t->loads[--t->loading];
            break;
        }
    if (r == 0) {
        loaded(l);
    } else if (r == -EBADMSG) {
        set_aside(t->manager, l->id, l->queued.place, l->why);
    } else if (r == -ENOTSUP) {
        t->unreadable++;
        log_event("queue id=%s in=%s why=%s then=\"kept, not touched\"",
                  id_print(l->id, id), place_name(l->queued.place), l->why);
    } else if (r != -ENOENT) {
        log_event("queue id=%s in=%s doing=read why=%s then=\"again in a "
                  "minute\"", id_print(l->id, id),
                  place_name(l->queued.place), strerror(-r));
        schedule_add(&t->schedule, time(NULL) + AGAIN, l->id);
    }
    free(l);
    manager_wake(t->manager);
}

static bool
skipped(const struct takeup *t, uint64_t id)
{
    for (size_t i = 0; i < t->skip_count; i++)
        if (t->skip[i] == id)
            return true;
    return takeup_locked(t, id);
}

bool
takeup_locked(const struct takeup *t, uint64_t id)
{
    for (unsigned i = 0; i < t->loading; i++)
        if (t->loads[i] == id)
            return true;
    for (unsigned i = 0; i < t->lock_count; i++)
        if (t->locks[i] == id)
            return true;
    return false;
}

bool
takeup_lock(struct takeup *t, uint64_t id)
{
    if (t->lock_count == LOCKS_MAX)
        return false;
    t->locks[t->lock_count++] = id;
    return true;
}

void
takeup_unlock(struct takeup *t, uint64_t id)
{
    for (unsigned i = 0; i < t->lock_count; i++)
        if (t->locks[i] == id) {
            t->locks[i] = t->locks[--t->lock_count];
            return;
        }
}

static void
load_as(struct takeup *t, uint64_t id, enum load_kind kind, unsigned uid)
{
    struct message *there;
    struct load *l;

    HASH_FIND(hh, t->manager->active, &id, sizeof id, there);
    if (there || skipped(t, id))
        return;
    l = mem_alloc(sizeof *l);
    l->work.data = l;
    l->takeup = t;
    l->id = id;
    l->kind = kind;
    l->uid = uid;
    t->loads[t->loading++] = id;
    uv_queue_work(t->manager->loop, &l->work, load_work, on_loaded);
}

static void
load(struct takeup *t, uint64_t id, enum load_kind kind)
{
    load_as(t, id, kind, 0);
}

void
takeup_cancel(struct takeup *t, uint64_t id, bool discard, unsigned uid)
{
    load_as(t, id, discard ? LOAD_DISCARD : LOAD_CANCEL, uid);
}

void
takeup_force(struct takeup *t, uint64_t id)
{
    schedule_add(&t->schedule, FORCED, id);
    takeup_run(t);
}

void
takeup_parked(struct takeup *t, uint64_t id)
{
    if (t->parked_count == t->parked_room) {
        t->parked_room = t->parked_room ? t->parked_room * 2 : 1024;
        t->parked = mem_grow(t->parked, t->parked_room * sizeof *t->parked);
    }
    t->parked[t->parked_count++] = id;
}

static bool
take_parked(struct takeup *t, uint64_t *id)
{
    if (t->parked_at == t->parked_count) {
        t->parked_at = t->parked_count = 0;
        return false;
    }
    *id = t->parked[t->parked_at++];
    return true;
}

static bool
take_fresh(struct takeup *t, uint64_t *id)
{
    if (t->fresh_count == 0)
        return false;
    *id = t->fresh[t->fresh_first];
    t->fresh_first = (t->fresh_first + 1) % FRESH_MAX;
    t->fresh_count--;
    return true;
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
    *kind = due == FORCED ? LOAD_FORCED : LOAD_DUE;
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
           m->active_count + t->loading < ACTIVE_MAX &&
           m->active_bytes < ACTIVE_BYTES_MAX && !ledger_blocked(&m->ledger);
}

static void scan(struct takeup *t);

void
takeup_run(struct takeup *t)
{
    unsigned turn = 0;
    enum load_kind kind;
    uint64_t id;

    if (!t->manager)
        return;
    while (room(t)) {
        /* Fresh mail first, but old mail has its share. */
        if (take_parked(t, &id))
            load(t, id, LOAD_PARKED);
        else if (turn++ % 4 != 3 && take_fresh(t, &id))
            load(t, id, LOAD_FRESH);
        else if (take_due(t, &id, &kind))
            load(t, id, kind);
        else if (take_fresh(t, &id))
            load(t, id, LOAD_FRESH);
        else
            break;
    }
    if (t->missed && t->fresh_count == 0 && room(t) &&
        !uv_is_active((uv_handle_t *)&t->again))
        scan(t);
    if (!t->manager->stopping)
        set_timer(t);
}

void
takeup_hint(struct takeup *t, uint64_t id)
{
    if (t->fresh_count == FRESH_MAX) {
        t->missed = true;
        return;
    }
    t->fresh[(t->fresh_first + t->fresh_count) % FRESH_MAX] = id;
    t->fresh_count++;
}

static bool
found(void *data, uint64_t id)
{
    struct takeup *t = data;

    if (t->found_count == FRESH_MAX)
        return false;
    if (t->found_count == t->found_room) {
        t->found_room = t->found_room ? t->found_room * 2 : 256;
        t->found = mem_grow(t->found, t->found_room * sizeof *t->found);
    }
    t->found[t->found_count++] = id;
    return true;
}

static void
scan_work(uv_work_t *w)
{
    struct takeup *t = w->data;

    t->found_count = 0;
    t->scan_result = store_list(&t->manager->store, PLACE_TODO, found, t,
                                &t->foreign);
}

static int
by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void info_next(struct takeup *t);

static void
on_again(uv_timer_t *timer)
{
    struct takeup *t = timer->data;

    if (t->missed)
        scan(t);
    if (!t->info_busy)
        info_next(t);
}

/* A folder could not be read: again soon, not at once. */
static void
again(struct takeup *t, const char *folder, int r)
{
    log_event("queue in=%s doing=scan why=%s then=\"again in a minute\"",
              folder, strerror(-r));
    uv_timer_start(&t->again, on_again, AGAIN * 1000, 0);
}

static void
on_scanned(uv_work_t *w, int status)
{
    struct takeup *t = w->data;
    int r = status < 0 ? status : t->scan_result;

    t->scanning = false;
    if (r < 0 && !t->manager->stopping)
        again(t, "todo", r);
    if (t->foreign)
        log_event("queue in=todo foreign=%zu why=\"names that are no "
                  "message; left alone\"", t->foreign);
    t->missed = r < 0 || t->found_count == FRESH_MAX;
    if (t->found_count)
        qsort(t->found, t->found_count, sizeof *t->found, by_id);
    for (size_t i = 0; i < t->found_count; i++)
        takeup_hint(t, t->found[i]);
    free(t->found);
    t->found = NULL;
    t->found_count = t->found_room = 0;
    if (!t->info_busy && !t->info)
        info_next(t);
    manager_wake(t->manager);
}

static void
scan(struct takeup *t)
{
    if (t->scanning)
        return;
    t->scanning = true;
    t->missed = false;
    uv_queue_work(t->manager->loop, &t->scan_work, scan_work, on_scanned);
}

static void
on_idle(uv_timer_t *timer)
{
    struct takeup *t = timer->data;

    t->missed = true;
    takeup_run(t);
}

static bool
listed(void *data, uint64_t id)
{
    struct takeup *t = data;

    if (t->info_count % 4096 == 0)
        t->info = mem_grow(t->info, (t->info_count + 4096) * sizeof *t->info);
    t->info[t->info_count++] = id;
    return true;
}

/* When a deferred message is due, of its slot alone. */
static struct schedule_entry
look_at(const struct store *s, uint64_t id)
{
    struct schedule_entry e = {.due = 0, .id = id};
    unsigned char bytes[SLOT_LEN];
    struct slot slot;
    id_text name;
    int fd;

    if (file_open(&fd, s->dirs[PLACE_INFO], id_print(id, name)) == 0 &&
        file_pread(fd, bytes, SLOT_LEN, SLOT_OFFSET) == 0 &&
        slot_parse(&slot, id, bytes))
        e.due = slot.hold ? INT64_MAX
                : slot.next > (uint64_t)time(NULL) + AHEAD_MAX
                    ? 0 : (int64_t)slot.next;
    file_close(&fd);
    return e;
}

static void
info_work(uv_work_t *w)
{
    struct takeup *t = w->data;
    const struct store *s = &t->manager->store;
    size_t foreign;

    if (!t->info) {
        t->info_result = store_list(s, PLACE_INFO, listed, t, &foreign);
        if (t->info_result == 0 && !t->info)
            t->info = mem_alloc(sizeof *t->info);
        return;
    }
    t->info_slice_count = 0;
    while (t->info_at < t->info_count && t->info_slice_count < INFO_SLICE)
        t->info_slice[t->info_slice_count++] =
            look_at(s, t->info[t->info_at++]);
}

static void
on_info(uv_work_t *w, int status)
{
    struct takeup *t = w->data;

    t->info_busy = false;
    if (status < 0)
        t->info_result = status;
    if (t->info_result < 0) {
        free(t->info);
        t->info = NULL;
        t->info_count = t->info_at = 0;
        if (!t->manager->stopping)
            again(t, "info", t->info_result);
        t->info_result = 0;
        manager_wake(t->manager);
        return;
    }
    for (size_t i = 0; i < t->info_slice_count; i++) {
        if (t->info_slice[i].due == INT64_MAX)
            t->held++;
        else
            schedule_add(&t->schedule, (time_t)t->info_slice[i].due,
                         t->info_slice[i].id);
    }
    t->info_slice_count = 0;
    info_next(t);
    manager_wake(t->manager);
}

static void
info_next(struct takeup *t)
{
    if (t->manager->stopping)
        return;
    if (t->info && t->info_at >= t->info_count) {
        if (t->info_slice) {
            /* The list is done; what comes now comes by the schedule. */
            free(t->info_slice);
            t->info_slice = NULL;
            t->info = mem_grow(t->info, sizeof *t->info);
            t->info_count = t->info_at = 0;
            t->started = true;
        }
        return;
    }
    if (!t->info_slice)
        t->info_slice = mem_alloc(INFO_SLICE * sizeof *t->info_slice);
    t->info_busy = true;
    uv_queue_work(t->manager->loop, &t->info_work, info_work, on_info);
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
    t->fresh = mem_alloc(FRESH_MAX * sizeof *t->fresh);
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
    scan(t);
    return 0;
}

void
takeup_all(struct takeup *t)
{
    struct schedule old = t->schedule;

    memset(&t->schedule, 0, sizeof t->schedule);
    for (size_t i = 0; i < old.count; i++)
        schedule_add(&t->schedule, FORCED, old.entries[i].id);
    schedule_free(&old);
    scan(t);
    takeup_run(t);
}

bool
takeup_idle(const struct takeup *t)
{
    return t->loading == 0 && !t->scanning && !t->info_busy;
}
