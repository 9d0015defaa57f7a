#include "queue/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/answers.h"
#include "queue/attempt.h"
#include "queue/manager.h"

/* One queue file being read. */
struct load {
    struct takeup *takeup;
    uint64_t id;
    enum load_kind kind;
    bool due;
    bool again;           /* it was in memory before */
    unsigned uid;         /* who cancels */
    struct queued queued;
    const char *why;
    int result;
};

/* Those that one pool job reads. */
struct load_batch {
    uv_work_t work;
    unsigned count;
    struct load loads[LOAD_BATCH];
};

static bool
any(const struct queued *q, enum rcpt_state state)
{
    for (uint32_t i = 0; i < q->header.rcpt_count; i++)
        if (q->states[i].state == state)
            return true;
    return false;
}

/* Whether its moment has come. */
static bool
is_due(const struct load *l)
{
    const struct queued *q = &l->queued;
    uint64_t now = (uint64_t)time(NULL);

    return l->kind != LOAD_DUE || q->place == PLACE_TODO || !q->slot_ok ||
           q->slot.next <= now ||
           (q->slot.next > now + SLOT_AHEAD_MAX &&
            q->slot.next > q->envelope.notbefore);
}

/* Whether the next attempt was written before: this one is not begun yet. */
static bool
advanced(const struct queued *q)
{
    uint64_t now = (uint64_t)time(NULL);

    return q->slot_ok && q->slot.next > now &&
           q->slot.next <= now + SLOT_AHEAD_MAX;
}

/* model: takeup-sync */
static void
load_one(struct load *l)
{
    const struct store *s = &l->takeup->manager->store;
    bool young = l->kind == LOAD_FRESH || l->kind == LOAD_PARKED;
    enum place likely = young ? PLACE_TODO : PLACE_INFO;
    enum place other = young ? PLACE_INFO : PLACE_TODO;

    l->result = store_load(s, likely, l->id, &l->queued, &l->why);
    if (l->result == -ENOENT && l->kind != LOAD_FRESH)
        l->result = store_load(s, other, l->id, &l->queued, &l->why);
    if (l->result < 0)
        return;
    /* A bounce settles those it answers, so its name must be synced; found
     * by a scan it may be one that enqueue has only linked. */
    if (l->queued.place == PLACE_TODO && l->queued.envelope.answers.len)
        l->result = store_sync(s, PLACE_TODO);
    l->due = is_due(l);
    if (l->result < 0)
        queued_free(&l->queued);
}

/* A damaged file on its way to broken/. */
struct aside {
    UT_hash_handle hh;
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
    HASH_DEL(m->takeup.asides, a);
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
    HASH_ADD(hh, m->takeup.asides, queued.id, sizeof id, a);
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

/* Whether an earlier life of the manager may have seen it: it came before
 * this one began, or the clock was set. */
static bool
older(const struct takeup *t, uint64_t id)
{
    return id_ms(id) <= t->began_ms || id_ms(id) > date_now();
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
        message_begin(m, q, &(struct message_why){
            .due = l->due, .repeat = !t->started || older(t, l->id),
            .again = l->again,
            .forced = l->kind == LOAD_FORCED,
            .advanced = l->kind == LOAD_PARKED && advanced(q),
        });
    }
}

static void
on_one(struct load *l, int r)
{
    struct takeup *t = l->takeup;
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
        log_event("queue id=%s in=%s doing=read why=%s then=%s",
                  id_print(l->id, id), place_name(l->queued.place),
                  strerror(-r), l->kind == LOAD_CANCEL ||
                                l->kind == LOAD_DISCARD
                                    ? "not cancelled, again in a minute"
                                    : "again in a minute");
        schedule_add(&t->schedule, time(NULL) + LOAD_AGAIN, l->id);
    }
}

static void
load_work(uv_work_t *w)
{
    struct load_batch *b = w->data;

    for (unsigned i = 0; i < b->count; i++)
        load_one(&b->loads[i]);
}

static void
on_loaded(uv_work_t *w, int status)
{
    struct load_batch *b = w->data;
    struct manager *m = b->loads[0].takeup->manager;

    for (unsigned i = 0; i < b->count; i++)
        on_one(&b->loads[i], status < 0 ? status : b->loads[i].result);
    free(b);
    manager_wake(m);
}

void
load_flush(struct takeup *t)
{
    struct load_batch *b = t->batch;

    t->batch = NULL;
    if (b)
        uv_queue_work(t->manager->loop, &b->work, load_work, on_loaded);
}

static bool
load_skipped(const struct takeup *t, uint64_t id)
{
    struct aside *a;

    HASH_FIND(hh, t->asides, &id, sizeof id, a);
    if (a)
        return true;
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

void
load_begin(struct takeup *t, uint64_t id, enum load_kind kind, unsigned uid)
{
    struct message *there;
    struct load *l;
    bool again;

    /* It may be in info/ by now, where nobody looks for fresh mail. */
    if (kind == LOAD_FRESH && idset_has(&t->waiting, id))
        return;
    again = idset_remove(&t->waiting, id);
    HASH_FIND(hh, t->manager->active, &id, sizeof id, there);
    if (there || load_skipped(t, id))
        return;
    if (!t->batch) {
        t->batch = mem_alloc(sizeof *t->batch);
        t->batch->work.data = t->batch;
    }
    l = &t->batch->loads[t->batch->count++];
    l->takeup = t;
    l->id = id;
    l->kind = kind;
    l->again = again;
    l->uid = uid;
    t->loads[t->loading++] = id;
    t->loaded++;
    if (t->batch->count == LOAD_BATCH)
        load_flush(t);
}
