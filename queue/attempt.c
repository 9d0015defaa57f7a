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
#include "queue/answers.h"
#include "queue/manager.h"
#include "queue/retry.h"

enum {
    BOUNCE_AGAIN = 60, /* seconds until a refused bounce is tried again */
    BOUNCING_MAX = 4,  /* pool threads that may wait for enqueue */
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

static struct view
rcpt_address(const struct message *msg, uint32_t index)
{
    return msg->queued.envelope.rcpts[index].address;
}

static uint64_t
age(const struct message *msg)
{
    uint64_t now = date_now(), birth = msg->queued.header.birth_ms;

    return now > birth ? (now - birth) / 1000 : 0;
}

/* A line about this message was appended: it must be synced, and its effect
 * done, before a checkpoint may pass it. */
static void
note_line(struct message *msg)
{
    if (!msg->lines)
        msg->lines_seq = msg->manager->ledger.appended;
    msg->lines = true;
    checkpoint_note(&msg->manager->checkpoint, &msg->item);
}

static void
set_state(struct message *msg, uint32_t index, enum rcpt_state state)
{
    enum rcpt_state *now = &msg->queued.states[index].state;

    msg->owed -= *now == OWED;
    msg->failed -= *now == FAILED;
    *now = state;
    msg->owed += state == OWED;
    msg->failed += state == FAILED;
    indexes_add(&msg->appended, index);
    note_line(msg);
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

static void
record_accept(struct message *msg)
{
    const struct envelope *e = &msg->queued.envelope;
    struct ledger *l = &msg->manager->ledger;
    id_text id;

    id_print(msg->id, id);
    if (e->answers.len)
        ledger_line(l, NULL,
                    "accept id=%s from=%.*s rcpts=%u size=%ju answers=%.*s",
                    id, (int)e->sender.len, e->sender.data, e->rcpt_count,
                    (uintmax_t)msg->queued.header.content_length,
                    (int)e->answers.len, e->answers.data);
    else
        ledger_line(l, NULL,
                    "accept id=%s from=%.*s rcpts=%u size=%ju caller=%.*s",
                    id, (int)e->sender.len, e->sender.data, e->rcpt_count,
                    (uintmax_t)msg->queued.header.content_length,
                    (int)e->caller.len, e->caller.data);
    if (e->answers.len)
        note_line(msg);
}

static void
record_outcome(struct message *msg, const char *event, uint64_t *where,
               uint32_t index, const struct outcome *o, const char *host)
{
    struct view to = rcpt_address(msg, index);
    id_text id;

    id_print(msg->id, id);
    ledger_line(&msg->manager->ledger, where,
                "%s id=%s rcpt=%u to=%.*s host=%s code=%s attempt=%u age=%ju "
                "why=%s", event, id, index, (int)to.len, to.data, host,
                o->code, msg->queued.slot.attempts, (uintmax_t)age(msg),
                o->text);
    log_event("deliver id=%s to=%.*s host=%s verdict=%s code=%s age=%ju "
              "why=%s", id, (int)to.len, to.data, host,
              verdict_word(o->verdict), o->code, (uintmax_t)age(msg),
              o->text);
}

static bool
expired(const struct message *msg)
{
    time_t now = time(NULL);
    const struct envelope *e = &msg->queued.envelope;

    return (e->expire && (uint64_t)now > e->expire) ||
           retry_expired((time_t)(msg->queued.header.birth_ms / 1000), now,
                         (time_t)msg->manager->settings.queuelifetime);
}

static void
outcome(struct message *msg, uint32_t index, const struct outcome *o,
        const char *host)
{
    if (o->verdict == DONE) {
        record_outcome(msg, "deliver", &msg->queued.states[index].position,
                       index, o, host);
        set_state(msg, index, DELIVERED);
    } else if (o->verdict == NEVER) {
        failures_add(&msg->failures, index, false, o, host);
    } else if (expired(msg)) {
        struct outcome never = *o;

        never.verdict = NEVER;
        failures_add(&msg->failures, index, true, &never, host);
    } else {
        record_outcome(msg, "defer", NULL, index, o, host);
    }
}

bool
message_report(struct message *msg, const struct report *r)
{
    if (!msg->busy[r->index])
        return false;
    msg->busy[r->index] = 0;
    if (r->flags & REPORT_DAMAGED)
        msg->damaged = true;
    outcome(msg, r->index, &r->outcome, r->host);
    return true;
}

void
message_delivered(struct message *msg)
{
    msg->deliveries--;
    message_step(msg);
}

int
message_fd(const struct message *msg)
{
    return msg->queued.fd;
}

void
message_job(const struct message *msg, const struct delivery *d,
            struct job *job)
{
    const struct header *h = &msg->queued.header;
    const struct envelope *e = &msg->queued.envelope;

    memset(job, 0, offsetof(struct job, rcpts));
    job->number = d->number;
    job->id = msg->id;
    job->birth = h->birth_ms / 1000;
    job->attempt = msg->queued.slot.attempts;
    job->flags = h->facts | (msg->repeat ? JOB_REPEAT : 0) |
                 (e->flags & ENVELOPE_SMTPUTF8 ? JOB_SMTPUTF8 : 0) |
                 (e->flags & ENVELOPE_REQUIRETLS ? JOB_REQUIRETLS : 0);
    job->offset = CONTENT_OFFSET;
    job->length = h->content_length;
    memcpy(job->digest, h->content_digest, DIGEST_LEN);
    job->ret = e->ret;
    job->body = e->body;
    job->envid = e->envid;
    job->sender = e->sender;
    job->site = view_of(d->site->route.site);
    if (job->site.len > ADDRESS_MAX)
        job->site.len = ADDRESS_MAX;
    job->route = view_of(d->site->route.host);
    job->port = d->site->route.port;
    job->rcpt_count = d->count;
    for (uint32_t i = 0; i < d->count; i++) {
        const struct envelope_rcpt *rcpt = &e->rcpts[d->rcpts[i]];

        job->rcpts[i] = (struct job_rcpt){.index = d->rcpts[i],
                                          .notify = rcpt->notify,
                                          .address = rcpt->address,
                                          .orcpt = rcpt->orcpt};
    }
}

struct pick {
    struct site *site;
    uint32_t index;
};

static int
by_site(const void *a, const void *b)
{
    const struct pick *x = a, *y = b;

    if (x->site != y->site)
        return (uintptr_t)x->site < (uintptr_t)y->site ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static struct site *
site_for(struct message *msg, uint32_t index)
{
    struct manager *m = msg->manager;
    struct route route;

    route_find(&m->routes, rcpt_address(msg, index), &route);
    return channel_site(route.channel == CHANNEL_LOCAL ? &m->local
                                                       : &m->remote, &route);
}

/* A group of recipients at one site, in as few jobs as the forms allow. */
static void
hand_out(struct message *msg, const struct pick *picks, size_t count)
{
    struct site *site = picks[0].site;
    uint32_t rcpts[JOB_RCPT_MAX];
    uint32_t n = 0;
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        const struct envelope_rcpt *r =
            &msg->queued.envelope.rcpts[picks[i].index];

        bytes += r->address.len + r->orcpt.len + 16;
        rcpts[n++] = picks[i].index;
        if (n == JOB_RCPT_MAX || bytes > JOB_BYTES_MAX || i + 1 == count) {
            msg->deliveries++;
            channel_add(site, msg, rcpts, n);
            n = 0;
            bytes = 0;
        }
    }
}

static void
rest(struct message *msg, const struct pick *picks, size_t count)
{
    struct outcome o;

    outcome_set(&o, LATER, "4.4.1",
                "the site could not be reached a moment ago");
    for (size_t i = 0; i < count; i++) {
        msg->busy[picks[i].index] = 0;
        outcome(msg, picks[i].index, &o, "");
    }
}

/* Hands out all owed recipients, grouped by site. */
static void
begin_attempt(struct message *msg)
{
    struct pick *picks = mem_alloc(msg->owed * sizeof *picks);
    size_t count = 0;

    msg->in_job = true;
    for (uint32_t i = 0; i < msg->queued.header.rcpt_count; i++)
        if (msg->queued.states[i].state == OWED) {
            msg->busy[i] = 1;
            picks[count++] = (struct pick){site_for(msg, i), i};
        }
    if (count > 1)
        qsort(picks, count, sizeof *picks, by_site);
    if (picks[0].site == picks[count - 1].site && site_crowded(picks[0].site) &&
        !site_resting(picks[0].site)) {
        for (size_t i = 0; i < count; i++)
            msg->busy[picks[i].index] = 0;
        msg->crowded = true;
        site_park(picks[0].site, msg->id);
        free(picks);
        return;
    }
    for (size_t i = 0, end; i < count; i = end) {
        end = i + 1;
        while (end < count && picks[end].site == picks[i].site)
            end++;
        if (site_resting(picks[i].site))
            rest(msg, picks + i, end - i);
        else
            hand_out(msg, picks + i, end - i);
    }
    free(picks);
    channel_run(&msg->manager->local);
    channel_run(&msg->manager->remote);
}

static void
reports_work(uv_work_t *work)
{
    struct message *msg = work->data;

    msg->work_result = failures_write(&msg->manager->store, &msg->queued,
                                      &msg->failures, date_now());
}

/* With the reports on disk the failures may be recorded; without them they
 * stay LATER. */
static void
on_reports(uv_work_t *work, int status)
{
    struct message *msg = work->data;
    struct failures f = msg->failures;
    int r = status < 0 ? status : msg->work_result;

    memset(&msg->failures, 0, sizeof msg->failures);
    msg->reported = true;
    for (size_t i = 0; i < f.count; i++) {
        struct failure *one = &f.v[i];

        if (r < 0) {
            outcome_errno(&one->outcome, r, "cannot write the report of a "
                          "failure (%s)", one->outcome.code);
            record_outcome(msg, "defer", NULL, one->index, &one->outcome,
                           one->host);
            continue;
        }
        record_outcome(msg, "fail", &msg->queued.states[one->index].position,
                       one->index, &one->outcome, one->host);
        set_state(msg, one->index, FAILED);
    }
    failures_free(&f);
    msg->doing = IDLE;
    message_step(msg);
}

static void next_bounce(struct manager *m);

static void
bounce_work(uv_work_t *work)
{
    struct message *msg = work->data;
    struct manager *m = msg->manager;

    bouncing_run(msg->bouncing, &m->store, &msg->queued, &m->settings,
                 m->door);
}

static void
on_bounced(uv_work_t *work, int status)
{
    struct message *msg = work->data;
    struct bouncing *b = msg->bouncing;
    id_text id, as;

    id_print(msg->id, id);
    msg->doing = IDLE;
    next_bounce(msg->manager);
    if (status < 0 || b->result < 0) {
        log_event("bounce id=%s why=%s then=\"again in a minute\"", id,
                  b->why);
        msg->blocked = true;
        message_step(msg);
        return;
    }
    if (b->triple) {
        ledger_line(&msg->manager->ledger, NULL,
                    "broken id=%s from=%s why=\"the bounce of a double "
                    "bounce failed\"", id, place_name(msg->queued.place));
        msg->broken_recorded = true;
        note_line(msg);
        message_step(msg);
        return;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        uint64_t *where = &msg->queued.states[b->rcpts[i]].position;

        if (b->id)
            ledger_line(&msg->manager->ledger, where,
                        "bounce id=%s rcpt=%u as=%s to=%s", id, b->rcpts[i],
                        id_print(b->id, as), b->to);
        else
            ledger_line(&msg->manager->ledger, where,
                        "bounce id=%s rcpt=%u to=none why=%s", id,
                        b->rcpts[i], b->never ? "notify" : "nobody");
        set_state(msg, b->rcpts[i], BOUNCED);
    }
    log_event("bounce id=%s as=%s to=%s rcpts=%u", id,
              b->id ? id_print(b->id, as) : "none", b->to, b->count);
    message_step(msg);
}

static void
work(struct message *msg, enum doing doing, uv_work_cb run,
     uv_after_work_cb after)
{
    msg->doing = doing;
    msg->work.data = msg;
    uv_queue_work(msg->manager->loop, &msg->work, run, after);
}

static void
start_bounce(struct message *msg)
{
    if (!msg->bouncing)
        msg->bouncing = mem_alloc(sizeof *msg->bouncing);
    msg->manager->bouncing++;
    work(msg, BOUNCING, bounce_work, on_bounced);
}

/* One has ended: the next may begin. */
static void
next_bounce(struct manager *m)
{
    struct message *msg = m->bounces;

    m->bouncing--;
    if (!msg)
        return;
    m->bounces = msg->next_bounce;
    if (!m->bounces)
        m->bounces_last = NULL;
    start_bounce(msg);
}

/* An enqueue that does not answer must not hold all threads. */
static void
queue_bounce(struct message *msg)
{
    struct manager *m = msg->manager;

    if (m->bouncing < BOUNCING_MAX) {
        start_bounce(msg);
        return;
    }
    msg->doing = QUEUEING;
    msg->next_bounce = NULL;
    if (m->bounces_last)
        m->bounces_last->next_bounce = msg;
    else
        m->bounces = msg;
    m->bounces_last = msg;
}

void
message_nobounces(struct manager *m)
{
    for (; m->bounces; m->bounces = m->bounces->next_bounce)
        m->bounces->doing = IDLE;
    m->bounces_last = NULL;
}

/* What this bounce answers is settled by its acceptance: the original's
 * records say so before the bounce is tried. */
static void
answer_work(uv_work_t *w)
{
    struct message *msg = w->data;

    msg->work_result = answers_mark(&msg->manager->store,
                                    msg->queued.envelope.answers, 0);
}

static void
on_answer_marked(uv_work_t *w, int status)
{
    struct message *msg = w->data;
    int r = status < 0 ? status : msg->work_result;
    id_text id;

    msg->doing = IDLE;
    msg->answers = r < 0;
    if (r < 0) {
        log_event("bounce id=%s doing=answer why=%s then=\"again in a "
                  "minute\"", id_print(msg->id, id), strerror(-r));
        msg->blocked = true;
    } else {
        checkpoint_marked(&msg->manager->checkpoint,
                          answers_id(msg->queued.envelope.answers));
    }
    message_step(msg);
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
        note_line(msg);
    }
    message_step(msg);
}

static void
leave(struct message *msg)
{
    struct manager *m = msg->manager;
    const struct slot *slot = &msg->queued.slot;
    uint64_t now = (uint64_t)time(NULL), next = slot->next;

    if (msg->crowded) {
        /* Its site calls it. */
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
    bool stays = msg->queued.place == PLACE_INFO || msg->crowded ||
                 msg->answers || msg->manager->stopping;

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

void
message_step(struct message *msg)
{
    bool over = msg->deliveries == 0;

    if (msg->doing != IDLE)
        return;
    if (over && msg->answers && !msg->lines && !msg->blocked) {
        work(msg, ANSWERING, answer_work, on_answer_marked);
    } else if (over && msg->failures.count &&
               !ledger_blocked(&msg->manager->ledger)) {
        work(msg, REPORTING, reports_work, on_reports);
    } else if (over && !msg->owed && !msg->failed && !msg->remove_recorded &&
               !msg->broken_recorded) {
        id_text id;

        ledger_line(&msg->manager->ledger, NULL, "remove id=%s",
                    id_print(msg->id, id));
        msg->remove_recorded = true;
        note_line(msg);
        record(msg);
    } else if (msg->lines) {
        record(msg);
    } else if (over && msg->broken_recorded) {
        act(msg, EFFECT_ASIDE);
    } else if (over && msg->remove_recorded) {
        act(msg, EFFECT_REMOVE);
    } else if (over && msg->damaged) {
        work(msg, VERIFYING, verify_work, on_verified);
    } else if (over && msg->failed && !msg->blocked &&
               !msg->manager->stopping) {
        queue_bounce(msg);
    } else if (may_try(msg)) {
        begin_attempt(msg);
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
        record_accept(msg);
    }
    return msg;
}

void
message_begin(struct manager *m, struct queued *q, bool due, bool repeat,
              bool again)
{
    struct message *msg = message_new(m, q, again);

    msg->due = due;
    msg->repeat |= repeat;
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
        note_line(msg);
    } else {
        ledger_line(&m->ledger, NULL, "cancel id=%s by=%u",
                    id_print(msg->id, id), uid);
        outcome_set(&o, NEVER, "5.0.0", "cancelled by the operator");
        for (uint32_t i = 0; i < q->header.rcpt_count; i++)
            if (msg->queued.states[i].state == OWED)
                outcome(msg, i, &o, "");
    }
    message_step(msg);
}

void
message_then(struct message *msg, uint64_t id)
{
    msg->then = mem_grow(msg->then, (msg->then_count + 1) * sizeof *msg->then);
    msg->then[msg->then_count++] = id;
}
