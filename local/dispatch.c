#include "local/dispatch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

/* A recipient on his way to a deliverer. */
struct task {
    STAILQ_ENTRY(task) link;
    struct message *message;
    uint32_t rcpt;
};

/* An account with mail or deliverers. */
struct resident {
    struct pool_account pool; /* first: the pool hands these out */
    struct account account;
    struct dispatch *dispatch;
    STAILQ_HEAD(tasks, task) waiting;
};

static void run_pool(struct dispatch *d);

/* Ends when nothing is left to report.  Deliverers that were killed and do
 * not die, as on a file system that hangs, hold the life pipe, not us. */
static void
finish(struct dispatch *d)
{
    struct deliverer *c;

    if (!d->stopping || d->messages || !wire_isdrained(&d->wire))
        return;
    LIST_FOREACH(c, &d->deliverers, link)
        if (!c->killed)
            return;
    LIST_FOREACH(c, &d->deliverers, link) {
        uv_unref((uv_handle_t *)&c->poll);
        uv_unref((uv_handle_t *)&c->timer);
    }
    wire_close(&d->wire);
    if (!uv_is_closing((uv_handle_t *)&d->child))
        uv_close((uv_handle_t *)&d->child, NULL);
}

static void
message_done(struct dispatch *d, struct message *m)
{
    message_free(m);
    d->messages--;
    if (d->messages < DISPATCH_JOBS_MAX)
        wire_pause(&d->wire, false);
}

/* The one place where a recipient's outcome leaves. */
static void
report(struct message *m, uint32_t i, struct report *r)
{
    struct dispatch *d = m->owner;

    r->number = m->job.number;
    r->index = m->job.rcpts[i].index;
    wire_report(&d->wire, r);
    if (--m->unreported == 0)
        message_done(d, m);
}

static void
report_outcome(struct message *m, uint32_t i, const struct outcome *o)
{
    struct report r = {.outcome = *o};

    report(m, i, &r);
}

static void
task_report(struct task *t, struct report *r)
{
    report(t->message, t->rcpt, r);
    free(t);
}

static void
task_later(struct task *t, int error, const char *what)
{
    struct report r = {0};

    if (error)
        outcome_errno(&r.outcome, error, "%s", what);
    else
        outcome_set(&r.outcome, LATER, "4.3.0", "%s", what);
    task_report(t, &r);
}

static void
resident_leave(struct resident *a)
{
    if (!pool_isunused(&a->pool))
        return;
    pool_remove(&a->dispatch->pool, &a->pool);
    account_free(&a->account);
    free(a);
}

/* Two accounts that differ in anything are two: nobody gets a deliverer with
 * the groups or home of before. */
static struct resident *
resident_find(struct dispatch *d, const struct account *account)
{
    struct pool_account *p;
    struct resident *a;

    TAILQ_FOREACH(p, &d->pool.accounts, link) {
        a = (struct resident *)p;
        if (account_equal(&a->account, account))
            return a;
    }
    a = mem_alloc(sizeof *a);
    pool_add(&d->pool, &a->pool);
    account_copy(&a->account, account);
    a->dispatch = d;
    STAILQ_INIT(&a->waiting);
    return a;
}

static void
on_report(struct deliverer *c, void *task, const struct report *r)
{
    struct resident *a = c->owner;
    struct report copy = *r;

    a->pool.busy--;
    if (c->ending) {
        a->pool.ending++;
    } else {
        a->pool.idle++;
        deliverer_rest(c, a->dispatch->settings->localidle);
    }
    task_report(task, &copy);
    run_pool(a->dispatch);
}

/* Idle for long enough, or busy for too long. */
static void
on_time(struct deliverer *c)
{
    struct resident *a = c->owner;
    struct dispatch *d = a->dispatch;
    struct task *t = c->task;

    a->pool.ending++;
    if (!t) {
        a->pool.idle--;
        deliverer_end(c);
        return;
    }
    a->pool.busy--;
    c->task = NULL;
    deliverer_kill(c);
    log_event("deliverer-killed user=%s seconds=%ju", a->account.name,
              (uintmax_t)d->settings->localtimeout);
    task_later(t, 0, "not delivered within localtimeout");
    run_pool(d);
}

static void
on_gone(struct deliverer *c, int status)
{
    struct resident *a = c->owner;
    struct dispatch *d = a->dispatch;
    struct task *t = c->task;
    char why[64];

    LIST_REMOVE(c, link);
    if (t || (status && !c->killed)) {
        snprintf(why, sizeof why, "deliverer died (%s %d)",
                 WIFSIGNALED(status) ? "signal" : "exit",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        log_event("deliverer-died user=%s why=%s", a->account.name, why);
    }
    if (t) {
        a->pool.busy--;
        c->task = NULL;
        task_later(t, 0, why);
    } else {
        a->pool.ending--;
    }
    resident_leave(a);
    run_pool(d);
}

static const struct deliverer_calls calls = {on_report, on_time, on_gone};

static void
on_child(uv_signal_t *h, int signum)
{
    struct dispatch *d = h->data;
    struct deliverer *c, *next;

    (void)signum;
    for (c = LIST_FIRST(&d->deliverers); c; c = next) {
        next = LIST_NEXT(c, link);
        deliverer_reap(c);
    }
}

static struct deliverer *
hire(struct resident *a, int *r)
{
    struct dispatch *d = a->dispatch;
    struct child_facts facts = {
        .account = &a->account,
        .me = d->settings->me,
        .instruction = d->settings->defaultdelivery,
        .become = !d->settings->private,
    };
    struct deliverer *c;

    c = deliverer_new(d->loop, &facts, d->life, &calls, r);
    if (c) {
        c->owner = a;
        LIST_INSERT_HEAD(&d->deliverers, c, link);
    }
    return c;
}

static struct deliverer *
find_idle(struct resident *a)
{
    struct deliverer *c;

    LIST_FOREACH(c, &a->dispatch->deliverers, link)
        if (c->owner == a && !c->task && !c->ending)
            break;
    return c;
}

/* The pool counted one deliverer of a as busy: it gets the first that
 * waits. */
static void
hand_over(struct resident *a, struct deliverer *c, int error)
{
    struct dispatch *d = a->dispatch;
    struct task *t = STAILQ_FIRST(&a->waiting);
    int fd = -1, r = error;
    struct job j;

    STAILQ_REMOVE_HEAD(&a->waiting, link);
    message_jobfor(t->message, t->rcpt, ++d->number, &j);
    if (r == 0 && (r = content_open(&t->message->content, &fd)) == 0)
        r = deliverer_give(c, &j, fd, d->settings->localtimeout, t);
    file_close(&fd);
    if (r == 0)
        return;
    a->pool.busy--;
    if (c) {
        a->pool.ending++;
        deliverer_kill(c);
    }
    task_later(t, r, "cannot hand the message to a deliverer");
}

static void
run_pool(struct dispatch *d)
{
    struct pool_account *p;
    enum pool_step step;

    while ((step = pool_next(&d->pool, &p)) != POOL_WAIT) {
        struct resident *a = (struct resident *)p;
        struct deliverer *c;
        int r = 0;

        if (step == POOL_END) {
            deliverer_end(find_idle(a));
        } else {
            c = step == POOL_FORK ? hire(a, &r) : find_idle(a);
            hand_over(a, c, r);
            resident_leave(a);
        }
    }
    finish(d);
}

static void
admit(struct dispatch *d, struct message *m, uint32_t i)
{
    struct resident *a = resident_find(d, &m->rcpts[i].account);
    struct task *t = mem_alloc(sizeof *t);

    t->message = m;
    t->rcpt = i;
    STAILQ_INSERT_TAIL(&a->waiting, t, link);
    a->pool.waiting++;
}

static void
stopping_outcome(struct outcome *o)
{
    outcome_set(o, LATER, "4.3.2", "local is being stopped");
}

/* Why nothing of m is delivered: there is no verified copy, or no time. */
static void
refuse(struct dispatch *d, const struct message *m, struct report *r)
{
    if (m->result == -EBADMSG) {
        r->flags = REPORT_DAMAGED;
        outcome_set(&r->outcome, LATER, "4.3.0",
                    "the content in the queue does not match its digest");
        log_event("damaged job=%ju", (uintmax_t)m->job.number);
    } else if (m->result < 0) {
        outcome_errno(&r->outcome, m->result, "cannot copy the content");
    } else if (d->stopping) {
        stopping_outcome(&r->outcome);
    }
}

/* Each recipient is reported or admitted.  The message is freed with its
 * last report, so the count is taken before. */
static void
on_ready(struct message *m)
{
    struct dispatch *d = m->owner;
    bool barred = m->result < 0 || d->stopping;
    uint32_t count = m->job.rcpt_count;

    for (uint32_t i = 0; i < count; i++) {
        struct report r = {0};

        if (m->rcpts[i].outcome.verdict != DONE) {
            report_outcome(m, i, &m->rcpts[i].outcome);
        } else if (barred) {
            refuse(d, m, &r);
            report(m, i, &r);
        } else {
            admit(d, m, i);
        }
    }
    run_pool(d);
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
on_job(struct wire *w, struct view bytes, int fd)
{
    struct dispatch *d = w->data;
    struct job partial;
    struct message *m = message_new(bytes, fd, &partial);
    struct outcome o;
    uint32_t count;

    if (!m) {
        on_garbage(d, &partial);
        return;
    }
    m->owner = d;
    if (++d->messages >= DISPATCH_JOBS_MAX)
        wire_pause(w, true);
    if (fd >= 0) {
        message_prepare(m, d->loop, &d->rules, d->folder, on_ready);
        return;
    }
    outcome_set(&o, LATER, "4.3.0", "job came without its message");
    count = m->job.rcpt_count;
    for (uint32_t i = 0; i < count; i++)
        report_outcome(m, i, &o);
}

/* What is being delivered is finished, what waits is given back. */
static void
on_end(struct wire *w)
{
    struct dispatch *d = w->data;
    struct pool_account *p, *next;
    struct deliverer *c;

    d->stopping = true;
    for (p = TAILQ_FIRST(&d->pool.accounts); p; p = next) {
        struct resident *a = (struct resident *)p;
        struct task *t;

        next = TAILQ_NEXT(p, link);
        while ((t = STAILQ_FIRST(&a->waiting))) {
            struct report r = {0};

            STAILQ_REMOVE_HEAD(&a->waiting, link);
            p->waiting--;
            stopping_outcome(&r.outcome);
            task_report(t, &r);
        }
        resident_leave(a);
    }
    LIST_FOREACH(c, &d->deliverers, link) {
        struct resident *a = c->owner;

        if (!c->task && !c->ending) {
            a->pool.idle--;
            a->pool.ending++;
        }
        deliverer_end(c);
    }
    finish(d);
}

static void
on_drained(struct wire *w)
{
    finish(w->data);
}

int
dispatch_start(struct dispatch *d, uv_loop_t *loop,
               const struct settings *settings, int sock)
{
    int r;

    d->settings = settings;
    d->rules.locals = &settings->locals;
    d->rules.minuid = (uid_t)settings->minuid;
    if (settings->private) {
        d->rules.own = &settings->own;
        d->rules.own_names = &settings->own_names;
    }
    d->loop = loop;
    pool_init(&d->pool, (unsigned)settings->concurrencylocal,
              (unsigned)settings->localperuser);
    LIST_INIT(&d->deliverers);
    d->child.data = d;
    d->wire.data = d;
    d->wire.on_job = on_job;
    d->wire.on_end = on_end;
    d->wire.on_drained = on_drained;
    if ((r = uv_signal_init(loop, &d->child)) < 0 ||
        (r = uv_signal_start(&d->child, on_child, SIGCHLD)) < 0)
        return r;
    return wire_open(&d->wire, loop, sock);
}
