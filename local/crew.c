#include "local/crew.h"

#include <signal.h>
#include <stdio.h>
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
    struct crew *crew;
    STAILQ_HEAD(tasks, task) waiting;
};

static void
task_report(struct task *t, struct report *r)
{
    t->message->crew->on_report(t->message, t->rcpt, r);
    free(t);
}

/* LATER, by errno where there is one. */
static void
task_later(struct task *t, int error, const char *code, const char *what)
{
    struct report r = {0};

    if (error)
        outcome_errno(&r.outcome, error, "%s", what);
    else
        outcome_set(&r.outcome, LATER, code, "%s", what);
    task_report(t, &r);
}

static void
resident_leave(struct resident *a)
{
    if (!pool_isunused(&a->pool))
        return;
    pool_remove(&a->crew->pool, &a->pool);
    account_free(&a->account);
    free(a);
}

/* Two accounts that differ in anything are two: nobody gets a deliverer with
 * the groups or home of before. */
static struct resident *
resident_find(struct crew *c, const struct account *account)
{
    struct pool_account *p;
    struct resident *a;

    TAILQ_FOREACH(p, &c->pool.accounts, link) {
        a = (struct resident *)p;
        if (account_equal(&a->account, account))
            return a;
    }
    a = mem_alloc(sizeof *a);
    pool_add(&c->pool, &a->pool);
    account_copy(&a->account, account);
    a->crew = c;
    STAILQ_INIT(&a->waiting);
    return a;
}

static void
on_report(struct deliverer *d, void *task, const struct report *r)
{
    struct resident *a = d->owner;
    struct report copy = *r;

    a->pool.busy--;
    if (d->ending) {
        a->pool.ending++;
    } else {
        a->pool.idle++;
        deliverer_rest(d, a->crew->settings->localidle);
    }
    task_report(task, &copy);
    crew_run(a->crew);
}

/* Idle for long enough, or busy for too long. */
static void
on_time(struct deliverer *d)
{
    struct resident *a = d->owner;
    struct crew *c = a->crew;
    struct task *t = d->task;

    a->pool.ending++;
    if (!t) {
        a->pool.idle--;
        deliverer_end(d);
        return;
    }
    a->pool.busy--;
    d->task = NULL;
    deliverer_kill(d);
    log_event("deliverer-killed user=%s seconds=%ju", a->account.name,
              (uintmax_t)c->settings->localtimeout);
    task_later(t, 0, "4.3.0", "not delivered within localtimeout");
    crew_run(c);
}

static void
on_gone(struct deliverer *d, int status)
{
    struct resident *a = d->owner;
    struct crew *c = a->crew;
    struct task *t = d->task;
    char why[64];

    LIST_REMOVE(d, link);
    if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "deliverer died (signal %d)",
                 WTERMSIG(status));
    else
        snprintf(why, sizeof why, "deliverer died (exit %d)",
                 WEXITSTATUS(status));
    if (t || (status && !d->killed))
        log_event("deliverer-died user=%s why=%s", a->account.name, why);
    if (t) {
        a->pool.busy--;
        d->task = NULL;
        task_later(t, 0, "4.3.0", why);
    } else {
        a->pool.ending--;
    }
    resident_leave(a);
    crew_run(c);
}

static void
on_broken(struct deliverer *d)
{
    struct resident *a = d->owner;

    a->pool.idle--;
    a->pool.ending++;
}

static const struct deliverer_calls calls = {
    on_report, on_time, on_broken, on_gone,
};

static void
on_child(uv_signal_t *h, int signum)
{
    struct crew *c = h->data;
    struct deliverer *d, *next;

    (void)signum;
    for (d = LIST_FIRST(&c->deliverers); d; d = next) {
        next = LIST_NEXT(d, link);
        deliverer_reap(d);
    }
}

static struct deliverer *
hire(struct resident *a, int *r)
{
    struct crew *c = a->crew;
    struct child_facts facts = {
        .account = &a->account,
        .me = c->settings->me,
        .instruction = c->settings->defaultdelivery,
        .become = !c->settings->private,
    };
    struct deliverer *d = deliverer_new(c->loop, &facts, c->life, &calls, r);

    if (d) {
        d->owner = a;
        LIST_INSERT_HEAD(&c->deliverers, d, link);
    }
    return d;
}

static struct deliverer *
find_idle(struct resident *a)
{
    struct deliverer *d;

    LIST_FOREACH(d, &a->crew->deliverers, link)
        if (d->owner == a && !d->task && !d->ending)
            break;
    return d;
}

/* The pool counted one deliverer of a as busy: d, or where there is none
 * because of error, nobody.  It gets the first that waits. */
static void
hand_over(struct resident *a, struct deliverer *d, int error)
{
    struct crew *c = a->crew;
    struct task *t = STAILQ_FIRST(&a->waiting);
    int fd = -1, r = error;
    struct job j;

    STAILQ_REMOVE_HEAD(&a->waiting, link);
    message_jobfor(t->message, t->rcpt, ++c->number, &j);
    if (r == 0 && (r = content_open(&t->message->content, &fd)) == 0)
        r = deliverer_give(d, &j, fd, c->settings->localtimeout, t);
    file_close(&fd);
    if (r == 0)
        return;
    a->pool.busy--;
    if (d) {
        a->pool.ending++;
        deliverer_kill(d);
    }
    task_later(t, r, NULL, "cannot hand the message to a deliverer");
}

void
crew_run(struct crew *c)
{
    struct pool_account *p;
    enum pool_step step;

    while (!c->stopping && (step = pool_next(&c->pool, &p)) != POOL_WAIT) {
        struct resident *a = (struct resident *)p;
        struct deliverer *d;
        int r = 0;

        if (step == POOL_END) {
            deliverer_end(find_idle(a));
            continue;
        }
        d = step == POOL_FORK ? hire(a, &r) : find_idle(a);
        hand_over(a, d, r);
        resident_leave(a);
    }
    c->on_change(c);
}

void
crew_admit(struct crew *c, struct message *m, uint32_t i)
{
    struct resident *a = resident_find(c, &m->rcpts[i].account);
    struct task *t = mem_alloc(sizeof *t);

    m->crew = c;
    t->message = m;
    t->rcpt = i;
    STAILQ_INSERT_TAIL(&a->waiting, t, link);
    a->pool.waiting++;
}

static void
give_back(struct resident *a)
{
    struct task *t;

    while ((t = STAILQ_FIRST(&a->waiting))) {
        STAILQ_REMOVE_HEAD(&a->waiting, link);
        a->pool.waiting--;
        task_later(t, 0, "4.3.2", "local is being stopped");
    }
    resident_leave(a);
}

void
crew_stop(struct crew *c)
{
    struct pool_account *p, *next;
    struct deliverer *d;

    c->stopping = true;
    for (p = TAILQ_FIRST(&c->pool.accounts); p; p = next) {
        next = TAILQ_NEXT(p, link);
        give_back((struct resident *)p);
    }
    LIST_FOREACH(d, &c->deliverers, link) {
        struct resident *a = d->owner;

        if (!d->task && !d->ending) {
            a->pool.idle--;
            a->pool.ending++;
        }
        deliverer_end(d);
    }
}

bool
crew_isgone(const struct crew *c)
{
    const struct deliverer *d;

    LIST_FOREACH(d, &c->deliverers, link)
        if (!d->killed)
            return false;
    return true;
}

void
crew_close(struct crew *c)
{
    struct deliverer *d;

    LIST_FOREACH(d, &c->deliverers, link) {
        uv_unref((uv_handle_t *)&d->poll);
        uv_unref((uv_handle_t *)&d->timer);
    }
    if (!uv_is_closing((uv_handle_t *)&c->child))
        uv_close((uv_handle_t *)&c->child, NULL);
}

int
crew_start(struct crew *c, uv_loop_t *loop)
{
    int r;

    c->loop = loop;
    c->child.data = c;
    pool_init(&c->pool, (unsigned)c->settings->concurrencylocal,
              (unsigned)c->settings->localperuser);
    LIST_INIT(&c->deliverers);
    if ((r = uv_signal_init(loop, &c->child)) < 0)
        return r;
    return uv_signal_start(&c->child, on_child, SIGCHLD);
}
