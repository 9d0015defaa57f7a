#include "queue/attempt.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/failing.h"
#include "queue/handout.h"
#include "queue/manager.h"
#include "queue/retry.h"

enum {
    BOUNCE_AGAIN = 60, /* seconds until a refused bounce is tried again */
    RCPT_BYTES = 64,   /* about what a recipient costs in memory */
};

static void
indexes_add(struct indexes *x, uint32_t index)
{
    if (x->count == x->room) {
        x->room = x->room ? x->room * 2 : 4;
        x->v = mem_grow(x->v, x->room * sizeof *x->v);
    }
    x->v[x->count++] = index;
}

/* Appends all of from to *to and empties it. */
static void
indexes_move(struct indexes *to, struct indexes *from)
{
    if (to->count == 0) {
        struct indexes swap = *to;

        *to = *from;
        *from = swap;
        return;
    }
    for (size_t i = 0; i < from->count; i++)
        indexes_add(to, from->v[i]);
    from->count = 0;
}

struct view
message_rcpt(const struct message *msg, uint32_t index)
{
    return msg->queued.envelope.rcpts[index].address;
}

/* A line about this message was appended: it must be synced, and its effect
 * done, before a checkpoint may pass it. */
void
message_note(struct message *msg)
{
    if (!msg->lines)
        msg->lines_seq = msg->manager->ledger.appended;
    msg->lines = true;
    checkpoint_note(&msg->manager->checkpoint, &msg->item);
}

void
message_setstate(struct message *msg, uint32_t index, enum rcpt_state state)
{
    enum rcpt_state *now = &msg->queued.states[index].state;

    msg->owed -= *now == OWED;
    msg->failed -= *now == FAILED;
    *now = state;
    msg->owed += state == OWED;
    msg->failed += state == FAILED;
    indexes_add(&msg->appended, index);
    message_note(msg);
}

static size_t
message_bytes(const struct message *msg)
{
    return msg->queued.bytes.len +
           (size_t)msg->queued.header.rcpt_count * RCPT_BYTES;
}

static void
message_free(struct message *msg)
{
    struct manager *m = msg->manager;

    checkpoint_done(&m->checkpoint, &msg->item, UINT64_MAX);
    m->active_bytes -= message_bytes(msg);
    for (size_t i = 0; i < msg->then_count; i++)
        takeup_hint(&m->takeup, msg->then[i]);
    HASH_DEL(m->active, msg);
    m->active_count--;
    queued_free(&msg->queued);
    failures_free(&msg->failures);
    free(msg->appended.v);
    free(msg->syncing.v);
    free(msg->dirty.v);
    free(msg->marking.v);
    free(msg->then);
    free(msg->busy);
    free(msg->bouncing);
    free(msg);
    manager_wake(m);
}

static void
on_recorded(struct ledger_wait *w)
{
    struct message *msg = (struct message *)((char *)w -
                                             offsetof(struct message, wait));

    indexes_move(&msg->dirty, &msg->syncing);
    if (msg->recording_accept)
        msg->accepting = false;
    msg->doing = IDLE;
    message_step(msg);
}

static void
record(struct message *msg)
{
    indexes_move(&msg->syncing, &msg->appended);
    msg->lines = false;
    msg->recording_accept = msg->accepting;
    msg->doing = RECORDING;
    ledger_wait(&msg->manager->ledger, &msg->wait, on_recorded);
}

bool
message_report(struct message *msg, const struct report *r)
{
    if (!msg->busy[r->index])
        return false;
    msg->busy[r->index] = 0;
    if (r->flags & REPORT_DAMAGED)
        msg->damaged = true;
    message_outcome(msg, r->index, &r->outcome, r->host);
    return true;
}

void
message_delivered(struct message *msg)
{
    msg->deliveries--;
    message_step(msg);
}

void
message_work(struct message *msg, enum doing doing, uv_work_cb run,
     uv_after_work_cb after)
{
    msg->doing = doing;
    msg->work.data = msg;
    uv_queue_work(msg->manager->loop, &msg->work, run, after);
}

static void
verify_work(uv_work_t *w)
{
    struct message *msg = w->data;

    msg->work_result = store_verify(&msg->queued);
}

static void
on_verified(uv_work_t *w, int status)
{
    struct message *msg = w->data;
    id_text id;

    msg->damaged = false;
    msg->doing = IDLE;
    if (status == 0 && msg->work_result == -EBADMSG) {
        ledger_line(&msg->manager->ledger, NULL,
                    "broken id=%s from=%s why=\"content does not match its "
                    "digest\"", id_print(msg->id, id),
                    place_name(msg->queued.place));
        log_event("broken id=%s why=\"content does not match its digest\"",
                  id_print(msg->id, id));
        msg->broken_recorded = true;
        message_note(msg);
    }
    message_step(msg);
}

static void
leave(struct message *msg)
{
    struct manager *m = msg->manager;
    const struct slot *slot = &msg->queued.slot;
    uint64_t now = (uint64_t)time(NULL), next = slot->next;

    if (msg->waits && !msg->deferred && !msg->blocked && msg->owed &&
        !slot->hold && !m->stopping) {
        handout_park(msg);
        message_free(msg);
        return;
    }
    if (msg->blocked)
        next = now + BOUNCE_AGAIN;
    else if (msg->in_job && next <= now)
        next = (uint64_t)retry_next(msg->id, (time_t)now, slot->attempts);
    else if (now < msg->queued.envelope.notbefore)
        next = msg->queued.envelope.notbefore;
    if (!m->stopping && !slot->hold)
        schedule_add(&m->takeup.schedule, (time_t)next, msg->id);
    message_free(msg);
}

static void
on_effect(struct effect *e)
{
    struct message *msg = (struct message *)((char *)e -
                                             offsetof(struct message,
                                                      effect));
    struct manager *m = msg->manager;
    id_text id;

    msg->doing = IDLE;
    msg->marking.count = 0;
    if (e->kind == EFFECT_REMOVE || e->kind == EFFECT_ASIDE) {
        log_event("%s id=%s", e->kind == EFFECT_REMOVE ? "remove" : "aside",
                  id_print(msg->id, id));
        message_free(msg);
        return;
    }
    checkpoint_marked(&m->checkpoint, msg->id);
    checkpoint_done(&m->checkpoint, &msg->item,
                    msg->lines ? msg->lines_seq : UINT64_MAX);
    if (e->kind == EFFECT_MOVE && !msg->lines)
        leave(msg);
    else
        message_step(msg);
}

static void
act(struct message *msg, enum effect_kind kind)
{
    struct effect *e = &msg->effect;

    indexes_move(&msg->marking, &msg->dirty);
    e->kind = kind;
    e->queued = &msg->queued;
    e->which = msg->marking.v;
    e->count = msg->marking.count;
    e->bounced = msg->reported || msg->repeat;
    for (uint32_t i = 0; i < msg->queued.header.rcpt_count && !e->bounced; i++)
        e->bounced = msg->queued.states[i].state == BOUNCED;
    e->done = on_effect;
    msg->doing = ACTING;
    effects_add(&msg->manager->effects, e);
}

/* The attempt is over and someone is still owed, or waits for his bounce. */
static void
put_away(struct message *msg)
{
    bool stays = msg->queued.place == PLACE_INFO || msg->answers ||
                 (msg->waits && !msg->tried) || msg->manager->stopping;

    if (!stays && msg->accepting)
        record(msg);
    else if (!stays)
        act(msg, EFFECT_MOVE);
    else if (msg->dirty.count)
        act(msg, EFFECT_MARK);
    else
        leave(msg);
}

static bool
may_try(const struct message *msg)
{
    return msg->due && msg->owed && !msg->failed && !msg->in_job &&
           !msg->blocked && !msg->manager->stopping &&
           !msg->queued.slot.hold &&
           (uint64_t)time(NULL) >= msg->queued.envelope.notbefore;
}

/* model: remove-record */
void
message_step(struct message *msg)
{
    bool over = msg->deliveries == 0;

    if (msg->doing != IDLE)
        return;
    if (over && msg->answers && !msg->lines && !msg->blocked) {
        failing_answer(msg);
    } else if (over && msg->failures.count &&
               !ledger_blocked(&msg->manager->ledger)) {
        failing_report(msg);
    } else if (over && !msg->owed && !msg->failed && !msg->remove_recorded &&
               !msg->broken_recorded) {
        id_text id;

        ledger_line(&msg->manager->ledger, NULL, "remove id=%s",
                    id_print(msg->id, id));
        msg->remove_recorded = true;
        message_note(msg);
        record(msg);
    } else if (msg->lines) {
        record(msg);
    } else if (over && msg->broken_recorded) {
        act(msg, EFFECT_ASIDE);
    } else if (over && msg->remove_recorded) {
        act(msg, EFFECT_REMOVE);
    } else if (over && msg->damaged) {
        message_work(msg, VERIFYING, verify_work, on_verified);
    } else if (over && msg->failed && !msg->blocked &&
               !msg->manager->stopping) {
        failing_bounce(msg);
    } else if (may_try(msg)) {
        handout_begin(msg);
        if (msg->deliveries == 0)
            message_step(msg);
    } else if (over && !msg->failures.count) {
        put_away(msg);
    } else if (msg->dirty.count) {
        act(msg, EFFECT_MARK);
    }
}

static struct message *
message_new(struct manager *m, struct queued *q, bool again)
{
    struct message *msg = mem_alloc(sizeof *msg);

    msg->manager = m;
    msg->queued = *q;
    msg->id = q->id;
    msg->repeat = q->slot.attempts > 1;
    if (!q->slot_ok)
        msg->queued.slot.hold = q->envelope.hold.len != 0;
    msg->busy = mem_alloc(q->header.rcpt_count);
    for (uint32_t i = 0; i < q->header.rcpt_count; i++) {
        msg->owed += q->states[i].state == OWED;
        msg->failed += q->states[i].state == FAILED;
    }
    HASH_ADD(hh, m->active, id, sizeof msg->id, msg);
    m->active_count++;
    m->active_bytes += message_bytes(msg);
    msg->accepting = q->place == PLACE_TODO;
    if (!again && q->place == PLACE_TODO) {
        msg->answers = q->envelope.answers.len != 0;
        message_recordaccept(msg);
    }
    return msg;
}

void
message_begin(struct manager *m, struct queued *q,
              const struct message_why *why)
{
    struct message *msg = message_new(m, q, why->again);

    msg->due = why->due;
    msg->forced = why->forced;
    msg->advanced = why->advanced;
    msg->repeat |= why->repeat;
    message_step(msg);
}

void
message_cancel(struct manager *m, struct queued *q, bool discard,
               unsigned uid)
{
    struct message *msg = message_new(m, q, false);
    struct outcome o;
    id_text id;

    if (discard) {
        ledger_line(&m->ledger, NULL, "broken id=%s from=%s why=discarded "
                    "by=%u", id_print(msg->id, id), place_name(q->place), uid);
        msg->broken_recorded = true;
        message_note(msg);
    } else {
        ledger_line(&m->ledger, NULL, "cancel id=%s by=%u",
                    id_print(msg->id, id), uid);
        outcome_set(&o, NEVER, "5.0.0", "cancelled by the operator");
        for (uint32_t i = 0; i < q->header.rcpt_count; i++)
            if (msg->queued.states[i].state == OWED)
                message_outcome(msg, i, &o, "");
    }
    message_step(msg);
}

void
message_then(struct message *msg, uint64_t id)
{
    msg->then = mem_grow(msg->then, (msg->then_count + 1) * sizeof *msg->then);
    msg->then[msg->then_count++] = id;
}
