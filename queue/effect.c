#include "queue/effect.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"

enum { AGAIN_MS = 5000 };

static void
append(struct effects *x, struct effect *e)
{
    e->next = NULL;
    *x->waiting_end = e;
    x->waiting_end = &e->next;
    x->count++;
}

static enum place
target(const struct effect *e)
{
    return e->kind == EFFECT_ASIDE ? PLACE_BROKEN : PLACE_INFO;
}

static bool
moves(const struct effect *e)
{
    return e->kind == EFFECT_MOVE || e->kind == EFFECT_ASIDE;
}

static int
give_name(const struct store *s, struct effect *e)
{
    const struct queued *q = e->queued;
    int r;

    if (e->kind == EFFECT_ASIDE)
        r = store_aside(s, q->place, q->id, &e->suffix);
    else
        r = store_link(s, q->place, PLACE_INFO, q->id);
    return r;
}

static void
take_back_name(const struct store *s, const struct effect *e)
{
    if (e->kind == EFFECT_ASIDE)
        store_unaside(s, e->queued->id, e->suffix);
    else
        store_unlink(s, PLACE_INFO, e->queued->id);
}

/* model: move-link */
static int
first_step(const struct store *s, struct effect *e)
{
    int r = 0;

    if (e->count && e->kind != EFFECT_REMOVE)
        r = store_mark(s, e->queued, e->which, e->count);
    if (r == 0 && moves(e)) {
        r = give_name(s, e);
        e->linked = r == 0;
    }
    return r;
}

/* model: move-unlink, remove-reports, remove-unlink */
static int
last_step(const struct store *s, struct effect *e)
{
    int r = 0;

    /* The reports go first: without the message nothing would ask for
     * them. */
    if (e->kind == EFFECT_REMOVE && e->bounced)
        r = store_unlink(s, PLACE_BOUNCE, e->queued->id);
    if (r == 0 && e->kind != EFFECT_MARK)
        r = store_unlink(s, e->queued->place, e->queued->id);
    if (r == 0 && e->kind == EFFECT_REMOVE)
        file_close(&e->queued->fd);
    return r;
}

/* All links, then one sync for each folder that got names, then the old
 * names go. */
/* model: move-sync */
static void
work(uv_work_t *w)
{
    const struct effect_lane *lane = w->data;
    const struct effects *x = lane->effects;
    int synced[PLACES] = {0};
    bool needed[PLACES] = {false};

    for (struct effect *e = lane->running; e; e = e->next) {
        e->linked = false;
        e->result = first_step(x->store, e);
        if (e->linked)
            needed[target(e)] = true;
    }
    for (int p = 0; p < PLACES; p++)
        if (needed[p])
            synced[p] = store_sync(x->store, (enum place)p);
    for (struct effect *e = lane->running; e; e = e->next) {
        if (e->result == 0 && e->linked)
            e->result = synced[target(e)];
        /* A failed sync is not synced again and believed: the name is given
         * anew the next time. */
        if (e->linked && synced[target(e)] < 0)
            take_back_name(x->store, e);
        if (e->result == 0)
            e->result = last_step(x->store, e);
    }
}

static void on_turn(uv_idle_t *turn);

static void
on_again(uv_timer_t *t)
{
    struct effects *x = t->data;

    while (x->failed) {
        struct effect *e = x->failed;

        x->failed = e->next;
        append(x, e);
    }
    uv_idle_start(&x->turn, on_turn);
}

static void
on_worked(uv_work_t *w, int status)
{
    struct effect_lane *lane = w->data;
    struct effects *x = lane->effects;
    struct effect *e = lane->running;

    lane->running = NULL;
    x->busy--;
    while (e) {
        struct effect *next = e->next;
        id_text id;

        if (status < 0)
            e->result = status;
        if (e->result == -ENOENT) {
            log_event("effect id=%s why=\"its file is gone\"",
                      id_print(e->queued->id, id));
            e->done(e);
        } else if (e->result == 0) {
            if (moves(e))
                e->queued->place = target(e);
            e->done(e);
        } else {
            log_event("effect id=%s doing=%s why=%s then=\"again soon\"",
                      id_print(e->queued->id, id),
                      e->kind == EFFECT_REMOVE ? "remove"
                      : moves(e)               ? "move"
                                               : "mark",
                      strerror(-e->result));
            e->next = x->failed;
            x->failed = e;
            uv_timer_start(&x->again, on_again, AGAIN_MS, 0);
        }
        e = next;
    }
    uv_idle_start(&x->turn, on_turn);
}

/* What came since the loop's last turn goes together, and few behind those
 * being done: one sync for all. */
static void
on_turn(uv_idle_t *turn)
{
    struct effects *x = turn->data;
    struct effect_lane *lane = x->lanes;

    uv_idle_stop(turn);
    if (!x->waiting || x->busy == EFFECT_LANES ||
        (x->busy && x->count < EFFECT_SHARE))
        return;
    while (lane->running)
        lane++;
    lane->running = x->waiting;
    x->busy++;
    x->waiting = NULL;
    x->waiting_end = &x->waiting;
    x->count = 0;
    uv_queue_work(x->loop, &lane->work, work, on_worked);
}

void
effects_init(struct effects *x, uv_loop_t *loop, const struct store *store)
{
    memset(x, 0, sizeof *x);
    x->loop = loop;
    x->store = store;
    x->waiting_end = &x->waiting;
    x->again.data = x->turn.data = x;
    for (int i = 0; i < EFFECT_LANES; i++) {
        x->lanes[i].effects = x;
        x->lanes[i].work.data = &x->lanes[i];
    }
    uv_timer_init(loop, &x->again);
    uv_idle_init(loop, &x->turn);
}

void
effects_add(struct effects *x, struct effect *e)
{
    append(x, e);
    uv_idle_start(&x->turn, on_turn);
}

bool
effects_idle(const struct effects *x)
{
    return !x->busy && !x->waiting && !x->failed;
}
