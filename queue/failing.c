#include "queue/failing.h"

#include <string.h>

#include "base/date.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/answers.h"
#include "queue/manager.h"

static void
reports_work(uv_work_t *work)
{
    struct message *msg = work->data;

    msg->work_result = failures_write(&msg->manager->store, &msg->queued,
                                      &msg->failures, date_now());
}

/* With the reports on disk the failures may be recorded; without them they
 * stay LATER. */
/* model: fail */
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
            message_recordoutcome(msg, "defer", NULL, one->index, &one->outcome,
                           one->host);
            continue;
        }
        message_recordoutcome(msg, "fail",
                              &msg->queued.states[one->index].position,
                              one->index, &one->outcome, one->host);
        message_setstate(msg, one->index, FAILED);
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

/* model: bounce-record */
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
        message_note(msg);
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
        message_setstate(msg, b->rcpts[i], BOUNCED);
    }
    log_event("bounce id=%s as=%s to=%s rcpts=%u", id,
              b->id ? id_print(b->id, as) : "none", b->to, b->count);
    message_step(msg);
}

static void
start_bounce(struct message *msg)
{
    if (!msg->bouncing)
        msg->bouncing = mem_alloc(sizeof *msg->bouncing);
    msg->manager->bouncing++;
    message_work(msg, BOUNCING, bounce_work, on_bounced);
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
void
failing_bounce(struct message *msg)
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

void
failing_report(struct message *msg)
{
    message_work(msg, REPORTING, reports_work, on_reports);
}

void
failing_answer(struct message *msg)
{
    message_work(msg, ANSWERING, answer_work, on_answer_marked);
}
