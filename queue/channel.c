#include "queue/channel.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "queue/attempt.h"
#include "queue/manager.h"
#include "queue/worker.h"

void
channel_init(struct channel *c, struct manager *m, enum channel_kind kind)
{
    memset(c, 0, sizeof *c);
    c->manager = m;
    c->kind = kind;
    c->name = kind == CHANNEL_LOCAL ? "local" : "remote";
}

void
channel_limit(struct channel *c, const struct settings *s)
{
    unsigned deliverers = (unsigned)s->concurrencylocal;
    unsigned site = (unsigned)s->concurrencysite;

    c->window_max = c->window_quick = site;
    c->limit = (unsigned)s->concurrencyremote;
    if (c->kind == CHANNEL_LOCAL) {
        c->limit = JOB_LOCAL * deliverers;
        c->window_quick = c->limit / 2 > site ? c->limit / 2 : site;
    }
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

void
channel_report(struct channel *c, const struct report *r)
{
    struct delivery *d;

    HASH_FIND(hh, c->deliveries, &r->number, sizeof r->number, d);
    if (!d) {
        log_event("report channel=%s why=\"of no open job\"", c->name);
        return;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->rcpts[i] != r->index)
            continue;
        site_learn(d->site, r, uv_now(c->manager->loop) - d->opened_ms);
        if (message_report(d->message, r))
            d->open--;
        if (d->open == 0)
            delivery_close(d);
        return;
    }
    log_event("report channel=%s why=\"of a recipient not in its job\"",
              c->name);
}

void
channel_lost(struct delivery *d)
{
    struct report r = {.number = d->number};

    outcome_set(&r.outcome, LATER, "4.3.0",
                "the delivery program ended before it reported");
    for (uint32_t i = 0; i < d->count; i++) {
        r.index = d->rcpts[i];
        message_report(d->message, &r);
    }
    delivery_close(d);
}

/* The site's next delivery; false if its worker takes none now. */
static bool
hand_over(struct site *s)
{
    struct worker *w = worker_of(s);
    struct delivery *d;

    if (!w || w->blocked)
        return false;
    d = site_take(s);
    if (!worker_send(w, d)) {
        site_putback(s, d);
        return false;
    }
    delivery_open(d, w);
    site_paced_one(s);
    return true;
}

/* A mailbox that hangs holds up nobody else: its deliveries do not count, as
 * long as those are not too many. */
static bool
is_full(const struct channel *c)
{
    unsigned most = c->limit * JOB_SLOW_FACTOR;

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
channel_worker(struct channel *c, int fd)
{
    if (worker_add(c, fd))
        channel_run(c);
}

void
channel_stop(struct channel *c)
{
    struct site *s, *tmp;

    HASH_ITER(hh, c->sites, s, tmp) {
        channel_giveback(s);
    }
    for (struct worker *w = c->workers; w; w = w->next)
        worker_finish(w);
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
