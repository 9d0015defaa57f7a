#include "local/crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"

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
move(struct deliverer *d, enum pool_state to)
{
    struct resident *a = d->owner;

    resident_move(a, &a->crew->pool, d, to);
}

static void
on_reports(struct deliverer *d, void *const *tasks,
           const struct report *reports, unsigned count)
{
    struct resident *a = d->owner;
    struct crew *c = a->crew;

    pool_learn(&a->pool, uv_now(c->loop) - d->given_ms);
    move(d, d->ending ? POOL_ENDING : POOL_IDLE);
    if (!d->ending)
        deliverer_time(d, c->settings->localidle);
    for (unsigned i = 0; i < count; i++) {
        struct report copy = reports[i];

        task_report(tasks[i], &copy);
    }
    crew_run(c);
}

/* All that d was given is LATER, and what comes after it goes one by one: it
 * may have been one of them. */
static void
spoil(struct deliverer *d, int error, const char *what)
{
    struct resident *a = d->owner;
    unsigned count = d->count;

    if (count)
        pool_distrust(&a->pool);
    d->count = 0;
    for (unsigned i = 0; i < count; i++)
        task_later(d->tasks[i], error, "4.3.0", what);
}

/* What it was given gets the rest of its time, and its place in the pool is
 * others'. */
static void
slow_down(struct deliverer *d, struct crew *c)
{
    struct resident *a = d->owner;

    pool_distrust(&a->pool);
    move(d, POOL_SLOW);
    deliverer_time(d, c->settings->localtimeout - JOB_SLOW);
    crew_run(c);
}

/* Idle for long enough, or busy for long, or for too long. */
static void
on_time(struct deliverer *d)
{
    struct resident *a = d->owner;
    struct crew *c = a->crew;

    if (d->state == POOL_BUSY && c->settings->localtimeout > JOB_SLOW) {
        slow_down(d, c);
        return;
    }
    if (d->count == 0) {
        move(d, POOL_ENDING);
        deliverer_end(d);
        return;
    }
    move(d, POOL_KILLED);
    deliverer_kill(d);
    log_event("deliverer-killed user=%s seconds=%ju", a->account.name,
              (uintmax_t)c->settings->localtimeout);
    spoil(d, 0, "not delivered within localtimeout");
    crew_run(c);
}

/* The pool counts one idle deliverer of a in another state: the one used
 * last to be busy, the one idle longest to end. */
static struct deliverer *
take_idle(struct resident *a, enum pool_state to)
{
    struct deliverer *d = to == POOL_BUSY
                              ? TAILQ_FIRST(&a->idle)
                              : TAILQ_LAST(&a->idle, deliverers);

    TAILQ_REMOVE(&a->idle, d, link);
    d->state = (int)to;
    return d;
}

/* Memory or processes have run out: idle ones make room for the next. */
static void
shed(struct crew *c)
{
    struct pool_account *a;

    if (pool_shed(&c->pool, &a))
        deliverer_end(take_idle((struct resident *)a, POOL_ENDING));
}

static void
say_why(char *why, size_t size, int status)
{
    if (status < 0)
        snprintf(why, size, "no deliverer: %s", strerror(-status));
    else if (WIFSIGNALED(status))
        snprintf(why, size, "deliverer died (signal %d)", WTERMSIG(status));
    else
        snprintf(why, size, "deliverer died (exit %d)", WEXITSTATUS(status));
}

static void
on_gone(struct deliverer *d, int status)
{
    struct resident *a = d->owner;
    struct crew *c = a->crew;
    char why[128];

    say_why(why, sizeof why, status);
    if (d->count || (status && !d->killed))
        log_event("deliverer-died user=%s why=%s", a->account.name, why);
    HASH_DEL(c->deliverers, d);
    move(d, POOL_NONE);
    spoil(d, 0, why);
    resident_leave(a, &c->pool);
    if (status < 0)
        shed(c);
    crew_run(c);
}

static void
on_broken(struct deliverer *d)
{
    move(d, d->count ? POOL_KILLED : POOL_ENDING);
    spoil(d, 0, "the deliverer's answer was not understood");
}

static const struct deliverer_calls calls = {
    on_reports, on_time, on_broken, on_gone,
};

static void
on_births(uv_poll_t *h, int status, int events)
{
    struct crew *c = h->data;
    struct forker_event e;
    struct deliverer *d;
    int r;

    (void)events;
    (void)status; /* reading tells what is wrong */
    while ((r = forker_read(c->forker, &e)) > 0) {
        HASH_FIND(hh, c->deliverers, &e.number, sizeof e.number, d);
        if (d)
            deliverer_gone(d, e.status);
    }
    if (r < 0)
        log_die("fatal program=local why=\"the forker is gone\"");
}

static struct deliverer *
hire(struct resident *a, int *r)
{
    struct crew *c = a->crew;
    struct deliverer *d = deliverer_new(c->loop, c->forker, ++c->birth,
                                        &a->account, &calls, r);

    if (d) {
        d->owner = a;
        d->state = POOL_BUSY;
        HASH_ADD(hh, c->deliverers, birth, sizeof d->birth, d);
    }
    return d;
}

/* Whether the first that waits failed before: it goes alone. */
static bool
is_retry(const struct resident *a)
{
    return STAILQ_FIRST(&a->waiting)->message->job.attempt > 1;
}

/* The first that waits goes with what d is to be given; false: no room. */
static bool
add_first(struct resident *a, struct deliverer *d)
{
    struct task *t = STAILQ_FIRST(&a->waiting);
    struct job j;

    message_jobfor(t->message, t->rcpt, a->crew->number + 1, &j);
    if (!deliverer_add(d, &j, &t->message->content, t))
        return false;
    a->crew->number++;
    STAILQ_REMOVE_HEAD(&a->waiting, link);
    return true;
}

/* The pool counted one deliverer of a as busy: d, which gets the first that
 * waits and what may go with it. */
static void
hand_over(struct resident *a, struct deliverer *d)
{
    struct crew *c = a->crew;
    uint64_t timeout = c->settings->localtimeout;
    bool alone = is_retry(a);
    int r;

    add_first(a, d);
    while (!alone && d->count < a->pool.most && a->pool.waiting &&
           !is_retry(a) && add_first(a, d))
        pool_withdraw(&c->pool, &a->pool);
    r = deliverer_give(d, timeout < JOB_SLOW ? timeout : JOB_SLOW);
    if (r == 0)
        return;
    move(d, POOL_KILLED);
    deliverer_kill(d);
    spoil(d, r, "cannot hand the message to a deliverer");
}

/* It counted one that is not to be had. */
static void
go_without(struct resident *a, int error)
{
    struct crew *c = a->crew;
    struct task *t = STAILQ_FIRST(&a->waiting);

    STAILQ_REMOVE_HEAD(&a->waiting, link);
    pool_move(&c->pool, &a->pool, POOL_BUSY, POOL_NONE);
    shed(c);
    task_later(t, error, NULL, "cannot hand the message to a deliverer");
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
            deliverer_end(take_idle(a, POOL_ENDING));
            continue;
        }
        d = step == POOL_FORK ? hire(a, &r) : take_idle(a, POOL_BUSY);
        if (d)
            hand_over(a, d);
        else
            go_without(a, r);
        resident_leave(a, &c->pool);
    }
    c->on_change(c);
}

void
crew_admit(struct crew *c, struct message *m, uint32_t i)
{
    struct resident *a = resident_find(&c->residents, &c->pool,
                                       &m->rcpts[i].account);
    struct task *t = mem_alloc(sizeof *t);

    m->crew = a->crew = c;
    t->message = m;
    t->rcpt = i;
    STAILQ_INSERT_TAIL(&a->waiting, t, link);
    pool_admit(&c->pool, &a->pool);
}

static void
give_back(struct resident *a)
{
    struct pool *pool = &a->crew->pool;
    struct task *t;

    while ((t = STAILQ_FIRST(&a->waiting))) {
        STAILQ_REMOVE_HEAD(&a->waiting, link);
        pool_withdraw(pool, &a->pool);
        task_later(t, 0, "4.3.2", "local is being stopped");
    }
    resident_leave(a, pool);
}

void
crew_stop(struct crew *c)
{
    struct resident *a, *next_a;
    struct deliverer *d, *next_d;

    c->stopping = true;
    for (int i = 0; i < RESIDENT_BUCKETS; i++)
        for (a = LIST_FIRST(&c->residents.buckets[i]); a; a = next_a) {
            next_a = LIST_NEXT(a, link);
            give_back(a);
        }
    HASH_ITER(hh, c->deliverers, d, next_d) {
        if (d->state == POOL_IDLE)
            move(d, POOL_ENDING);
        deliverer_end(d);
    }
}

bool
crew_isgone(const struct crew *c)
{
    const struct deliverer *d;

    for (d = c->deliverers; d; d = d->hh.next)
        if (!d->killed)
            return false;
    return true;
}

void
crew_close(struct crew *c)
{
    struct deliverer *d;

    for (d = c->deliverers; d; d = d->hh.next) {
        uv_unref((uv_handle_t *)&d->poll);
        uv_unref((uv_handle_t *)&d->timer);
    }
    if (!uv_is_closing((uv_handle_t *)&c->births))
        uv_close((uv_handle_t *)&c->births, NULL);
}

int
crew_start(struct crew *c, uv_loop_t *loop)
{
    int r;

    c->loop = loop;
    c->births.data = c;
    pool_init(&c->pool, (unsigned)c->settings->concurrencylocal,
              (unsigned)c->settings->localperuser,
              (unsigned)c->settings->localresident);
    if ((r = uv_poll_init(loop, &c->births, c->forker)) < 0)
        return r;
    return uv_poll_start(&c->births, UV_READABLE, on_births);
}
