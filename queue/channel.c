#include "queue/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/attempt.h"
#include "queue/manager.h"

void
channel_init(struct channel *c, struct manager *m, enum channel_kind kind,
             unsigned limit, unsigned window_max)
{
    memset(c, 0, sizeof *c);
    c->manager = m;
    c->kind = kind;
    c->name = kind == CHANNEL_LOCAL ? "local" : "remote";
    c->limit = limit;
    c->window_max = window_max ? window_max : 1;
}

static void
round_add(struct site *s)
{
    struct channel *c = s->channel;

    if (s->in_round || !s->first || s->open >= s->window || site_paced(s))
        return;
    s->in_round = true;
    s->next = NULL;
    if (c->round_last)
        c->round_last->next = s;
    else
        c->round = s;
    c->round_last = s;
}

static struct site *
round_take(struct channel *c)
{
    struct site *s = c->round;

    if (!s)
        return NULL;
    c->round = s->next;
    if (!c->round)
        c->round_last = NULL;
    s->in_round = false;
    return s;
}

void
channel_add(struct site *s, struct message *message, const uint32_t *rcpts,
            uint32_t count)
{
    struct delivery *d = mem_alloc(sizeof *d + count * sizeof *rcpts);

    d->message = message;
    d->site = s;
    d->count = d->open = count;
    memcpy(d->rcpts, rcpts, count * sizeof *rcpts);
    if (s->last)
        s->last->next = d;
    else
        s->first = d;
    s->last = d;
    s->waiting++;
    s->channel->waiting++;
    round_add(s);
}

static struct delivery *
site_take(struct site *s)
{
    struct delivery *d = s->first;

    s->first = d->next;
    if (!s->first)
        s->last = NULL;
    s->waiting--;
    s->channel->waiting--;
    return d;
}

static void
site_putback(struct site *s, struct delivery *d)
{
    d->next = s->first;
    s->first = d;
    if (!s->last)
        s->last = d;
    s->waiting++;
    s->channel->waiting++;
}

static void
delivery_open(struct delivery *d, struct worker *w)
{
    struct channel *c = w->channel;

    HASH_ADD(hh, c->deliveries, number, sizeof d->number, d);
    d->next_open = w->open;
    d->link_open = &w->open;
    if (w->open)
        w->open->link_open = &d->next_open;
    w->open = d;
    d->opened_ms = uv_now(c->manager->loop);
    c->open++;
    d->site->open++;
}

static void
delivery_close(struct delivery *d)
{
    struct site *s = d->site;
    struct message *m = d->message;

    HASH_DEL(s->channel->deliveries, d);
    *d->link_open = d->next_open;
    if (d->next_open)
        d->next_open->link_open = d->link_open;
    s->channel->open--;
    s->channel->slow -= d->slow;
    s->open--;
    s->slow -= d->slow;
    free(d);
    round_add(s);
    site_unpark(s);
    site_release(s);
    message_delivered(m);
}

void
channel_giveback(struct site *s)
{
    while (s->first) {
        struct delivery *d = site_take(s);
        struct message *m = d->message;

        message_waits(m, s, d->rcpts, d->count);
        free(d);
        message_delivered(m);
    }
}

static void
on_report(struct worker *w, const struct report *r)
{
    struct channel *c = w->channel;
    struct delivery *d;

    HASH_FIND(hh, c->deliveries, &r->number, sizeof r->number, d);
    if (!d) {
        log_event("report channel=%s why=\"of no open job\"", c->name);
        return;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->rcpts[i] != r->index)
            continue;
        site_learn(d->site, r);
        if (message_report(d->message, r))
            d->open--;
        if (d->open == 0)
            delivery_close(d);
        return;
    }
    log_event("report channel=%s why=\"of a recipient not in its job\"",
              c->name);
}

static void
on_worker_closed(uv_handle_t *h)
{
    struct worker *w = h->data;

    file_close(&w->fd);
    free(w);
}

/* Its open jobs are LATER: what it reported was read before. */
static void
worker_end(struct worker *w)
{
    struct channel *c = w->channel;
    struct worker **p = &c->workers;

    if (w->closing)
        return;
    w->closing = true;
    while (*p != w)
        p = &(*p)->next;
    *p = w->next;
    uv_poll_stop(&w->poll);
    while (w->open) {
        struct delivery *d = w->open;
        struct report r = {.number = d->number};

        outcome_set(&r.outcome, LATER, "4.3.0",
                    "the delivery program ended before it reported");
        for (uint32_t i = 0; i < d->count; i++) {
            r.index = d->rcpts[i];
            message_report(d->message, &r);
        }
        delivery_close(d);
    }
    uv_close((uv_handle_t *)&w->poll, on_worker_closed);
    manager_wake(c->manager);
}

static void
read_reports(struct worker *w)
{
    struct buf b = {0};
    struct report report;
    ssize_t n = 0;
    int fd;

    for (int i = 0; i < 256; i++) {
        buf_clear(&b);
        n = job_recv(w->fd, &b, &fd);
        file_close(&fd);
        /* A worker that died with jobs unread: its reports come behind. */
        if (n == -ECONNRESET)
            continue;
        if (n <= 0 && n != -EBADMSG)
            break;
        if (report_parse(&report, buf_view(&b)) < 0)
            log_event("report channel=%s why=unreadable", w->channel->name);
        else
            on_report(w, &report);
    }
    buf_free(&b);
    if (n == 0 || (n < 0 && n != -EAGAIN && n != -EBADMSG))
        worker_end(w);
}

static void watch(struct worker *w);

static void
on_worker(uv_poll_t *poll, int status, int events)
{
    struct worker *w = poll->data;

    if (status < 0) {
        read_reports(w);
        if (!w->closing)
            worker_end(w);
        return;
    }
    if (events & UV_WRITABLE)
        w->blocked = false;
    if (events & UV_READABLE)
        read_reports(w);
    if (!w->closing)
        watch(w);
    manager_wake(w->channel->manager);
}

static void
watch(struct worker *w)
{
    uv_poll_start(&w->poll, UV_READABLE | (w->blocked ? UV_WRITABLE : 0),
                  on_worker);
}

static bool
has_place(const struct channel *c, unsigned place)
{
    for (const struct worker *w = c->workers; w; w = w->next)
        if (w->place == place)
            return true;
    return false;
}

void
channel_worker(struct channel *c, int fd)
{
    struct worker *w = mem_alloc(sizeof *w);

    w->channel = c;
    w->fd = fd;
    w->poll.data = w;
    if (uv_poll_init(c->manager->loop, &w->poll, fd) < 0) {
        log_event("worker channel=%s why=\"cannot be watched\"", c->name);
        file_close(&w->fd);
        free(w);
        return;
    }
    while (has_place(c, w->place))
        w->place++;
    w->next = c->workers;
    c->workers = w;
    if (c->manager->stopping) {
        shutdown(fd, SHUT_WR);
        w->shut = true;
    }
    watch(w);
    channel_run(c);
}

/* 0, -EAGAIN: not now, or another errno: not to this worker. */
static int
send_job(struct worker *w, struct delivery *d)
{
    static struct job job;
    struct buf b = {0};
    int r;

    d->number = ++w->channel->numbers;
    message_job(d->message, d, &job);
    job_print(&b, &job);
    r = job_send(w->fd, buf_view(&b), message_fd(d->message));
    buf_free(&b);
    return r;
}

/* Each site has its own order of the places; the first of them that lives.
 * So a worker's end moves its own sites alone, and its successor gets them
 * back. */
static struct worker *
worker_of(const struct site *s)
{
    struct worker *best = NULL;
    uint32_t hash = 2166136261u, best_rank = 0;

    for (const char *p = s->route.site; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    for (struct worker *w = s->channel->workers; w; w = w->next) {
        uint32_t rank = (hash ^ (w->place + 1) * 0x9e3779b9u) * 0x85ebca6bu;

        rank ^= rank >> 15;
        if (!w->shut && (!best || rank > best_rank)) {
            best = w;
            best_rank = rank;
        }
    }
    return best;
}

/* The site's next delivery; false if its worker takes none now. */
static bool
hand_over(struct site *s)
{
    struct worker *w = worker_of(s);
    struct delivery *d;
    int r;

    if (!w || w->blocked)
        return false;
    d = site_take(s);
    r = send_job(w, d);
    if (r == 0) {
        delivery_open(d, w);
        site_paced_one(s);
        return true;
    }
    site_putback(s, d);
    w->blocked = r == -EAGAIN;
    if (w->blocked) {
        watch(w);
    } else {
        /* A worker that has ended is seen where reports are read, and one
         * that has not is told to; for anything else the next tick tries
         * again. */
        log_event("job channel=%s why=%s", s->channel->name, strerror(-r));
        w->shut = r == -EPIPE || r == -ECONNRESET || r == -ENOTCONN;
        if (w->shut)
            shutdown(w->fd, SHUT_WR);
    }
    return false;
}

/* A mailbox that hangs holds up nobody else: its deliveries do not count, as
 * long as those are not too many. */
static bool
is_full(const struct channel *c)
{
    unsigned most = c->limit * SLOW_FACTOR;

    return c->open >= c->limit + (c->slow < most ? c->slow : most);
}

void
channel_run(struct channel *c)
{
    struct site *stuck = NULL, *s;

    /* What waits is being given back: a site of which it was the last must
     * not go meanwhile. */
    if (c->manager->stopping)
        return;
    while (c->workers && !is_full(c) &&
           !ledger_blocked(&c->manager->ledger) && (s = round_take(c))) {
        if (!s->first || s->open >= s->window) {
            site_release(s);
        } else if (hand_over(s)) {
            round_add(s);
        } else {
            s->next = stuck;
            stuck = s;
        }
    }
    while ((s = stuck)) {
        stuck = s->next;
        round_add(s);
    }
}

void
channel_stop(struct channel *c)
{
    struct site *s, *tmp;

    HASH_ITER(hh, c->sites, s, tmp) {
        channel_giveback(s);
    }
    for (struct worker *w = c->workers; w; w = w->next) {
        shutdown(w->fd, SHUT_WR);
        w->shut = true;
    }
}

/* The oldest comes first. */
void
channel_slow(struct channel *c, uint64_t now)
{
    struct delivery *d, *tmp;

    HASH_ITER(hh, c->deliveries, d, tmp) {
        if (now < d->opened_ms + JOB_SLOW * 1000)
            return;
        if (d->slow)
            continue;
        d->slow = true;
        c->slow++;
        d->site->slow++;
        site_narrow(d->site);
    }
}

void
channel_unpark(struct channel *c)
{
    struct site *s, *tmp;

    if (c->kind == CHANNEL_LOCAL)
        channel_slow(c, uv_now(c->manager->loop));
    if (c->parked || c->manager->settings.siterate.count)
        HASH_ITER(hh, c->sites, s, tmp) {
            site_unpark(s);
            round_add(s);
        }
}

void
channel_retry(struct channel *c, time_t lifetime)
{
    struct site *s, *tmp;

    HASH_ITER(hh, c->sites, s, tmp) {
        site_reload(s, lifetime);
        site_wake(s);
        /* Its rate may have held it back. */
        round_add(s);
    }
}

void
channel_sweep(struct channel *c)
{
    struct site *s, *tmp;

    HASH_ITER(hh, c->sites, s, tmp) {
        if (uv_now(c->manager->loop) < s->rest_until + SITE_FORGET_MS)
            continue;
        s->failures = 0;
        site_release(s);
    }
}

bool
channel_idle(const struct channel *c)
{
    return !c->workers && c->open == 0;
}
