#include "local/dispatch.h"

#include <errno.h>

#include "base/log.h"

static void
finish(struct dispatch *d)
{
    if (!d->stopping || d->messages || !wire_isdrained(&d->wire) ||
        !crew_isgone(&d->crew))
        return;
    wire_close(&d->wire);
    crew_close(&d->crew);
    if (!uv_is_closing((uv_handle_t *)&d->before))
        uv_close((uv_handle_t *)&d->before, NULL);
}

/* The one place where a recipient's outcome leaves. */
static void
on_report(struct message *m, uint32_t i, struct report *r)
{
    struct dispatch *d = m->owner;

    r->number = m->job.number;
    r->index = m->job.rcpts[i].index;
    wire_report(&d->wire, r);
    if (--m->unreported > 0)
        return;
    message_free(m);
    if (--d->messages < d->messages_max)
        wire_pause(&d->wire, false);
}

/* Why nothing of m can be delivered: there is no verified copy, or no time.
 * DONE: it can. */
static enum verdict
bar(const struct dispatch *d, const struct message *m, struct report *r)
{
    if (m->result == -EBADMSG) {
        r->flags = REPORT_DAMAGED;
        return outcome_set(&r->outcome, LATER, "4.3.0", "the content in the "
                           "queue does not match its digest");
    }
    if (m->result < 0)
        return outcome_errno(&r->outcome, m->result,
                             "cannot copy the content");
    if (d->stopping)
        return outcome_set(&r->outcome, LATER, "4.3.2",
                           "local is being stopped");
    return DONE;
}

/* Each recipient is reported or admitted.  The message goes with its last
 * report, so nothing of it is read after that. */
static void
on_ready(struct message *m)
{
    struct dispatch *d = m->owner;
    uint32_t count = m->job.rcpt_count;
    struct report barred = {0};
    bool open = bar(d, m, &barred) == DONE;

    if (barred.flags & REPORT_DAMAGED)
        log_event("damaged job=%ju", (uintmax_t)m->job.number);
    for (uint32_t i = 0; i < count; i++) {
        struct report r = barred;

        if (m->rcpts[i].outcome.verdict != DONE)
            r = (struct report){.outcome = m->rcpts[i].outcome};
        else if (open) {
            crew_admit(&d->crew, m, i);
            continue;
        }
        on_report(m, i, &r);
    }
    d->admitted = true;
}

/* Not a job, or cut: whoever can still be named gets LATER. */
static void
on_garbage(struct dispatch *d, const struct job *j)
{
    struct report r = {.number = j->number};
    uint32_t count = j->rcpt_count;

    log_event("job-unreadable job=%ju", (uintmax_t)j->number);
    if (j->number == 0)
        return;
    if (count == 0 || count > JOB_RCPT_MAX)
        count = 1;
    outcome_set(&r.outcome, LATER, "4.3.0", "job was not understood");
    for (uint32_t i = 0; i < count; i++) {
        r.index = j->rcpts[i].index;
        wire_report(&d->wire, &r);
    }
}

static void
on_orphan(struct message *m)
{
    uint32_t count = m->job.rcpt_count;
    struct report r = {0};

    outcome_set(&r.outcome, LATER, "4.3.0", "job came without its message");
    for (uint32_t i = 0; i < count; i++)
        on_report(m, i, &r);
}

static void
on_job(struct wire *w, struct view bytes, int fd)
{
    struct dispatch *d = w->data;
    struct job partial;
    struct message *m = message_new(bytes, fd, &partial);

    if (!m) {
        on_garbage(d, &partial);
        return;
    }
    m->owner = d;
    if (++d->messages >= d->messages_max)
        wire_pause(w, true);
    if (fd >= 0)
        message_prepare(m, d->loop, &d->rules, d->folder, on_ready);
    else
        on_orphan(m);
}

static void
on_end(struct wire *w)
{
    struct dispatch *d = w->data;

    d->stopping = true;
    crew_stop(&d->crew);
    finish(d);
}

static void
on_drained(struct wire *w)
{
    finish(w->data);
}

static void
on_change(struct crew *c)
{
    finish(c->data);
}

/* What came together is delivered and reported together. */
static void
on_before(uv_prepare_t *h)
{
    struct dispatch *d = h->data;

    if (d->admitted) {
        d->admitted = false;
        crew_run(&d->crew);
    }
    wire_flush(&d->wire);
}

int
dispatch_start(struct dispatch *d, uv_loop_t *loop,
               const struct settings *settings, int sock)
{
    int r;

    d->loop = loop;
    /* As many as the manager may send, slow ones too. */
    d->messages_max = (unsigned)settings->concurrencylocal * JOB_LOCAL *
                      (1 + JOB_SLOW_FACTOR);
    d->rules.locals = &settings->locals;
    d->rules.minuid = (uid_t)settings->minuid;
    if (settings->private) {
        d->rules.own = &settings->own;
        d->rules.own_names = &settings->own_names;
    }
    d->crew.settings = settings;
    d->crew.data = d->wire.data = d->before.data = d;
    uv_prepare_init(loop, &d->before);
    uv_prepare_start(&d->before, on_before);
    d->crew.on_report = on_report;
    d->crew.on_change = on_change;
    d->wire.on_job = on_job;
    d->wire.on_end = on_end;
    d->wire.on_drained = on_drained;
    if ((r = crew_start(&d->crew, loop)) < 0)
        return r;
    return wire_open(&d->wire, loop, sock);
}
