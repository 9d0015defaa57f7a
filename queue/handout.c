#include "queue/handout.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/manager.h"
#include "queue/retry.h"

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
    job->site = view_of(d->site->name);
    if (job->site.len > ADDRESS_MAX)
        job->site.len = ADDRESS_MAX;
    job->route = view_of(d->site->host);
    job->port = d->site->port;
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

    route_find(&m->ways.routes, message_rcpt(msg, index), &route);
    bind_route(&m->ways.binds, msg->queued.envelope.sender, &route);
    return site_of(route.channel == CHANNEL_LOCAL ? &m->local
                                                  : &m->remote, &route);
}

/* A group of recipients at one site, in as few jobs as the forms allow. */
/* model: deliver */
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

/* Whether the recipients of a site may go now; alone: the message has no
 * others.  One that has them may wait in memory behind many of a slow site,
 * but not all of memory for those, and not for one that siterate holds up: by
 * that others would have to wait too.  Who is too old has his last try, where
 * it does not take hours. */
static bool
may_go(const struct message *msg, const struct site *site, bool alone)
{
    const struct manager *m = msg->manager;
    bool waits = alone || site->gap_us || m->active_count > m->active_max / 2;

    return !site_resting(site) &&
           !(waits && site_crowded(site) &&
             (site->gap_us || !message_expired(msg)));
}

static void
advance_work(uv_work_t *w)
{
    struct message *msg = w->data;
    struct queued *q = &msg->queued;

    msg->work_result = store_slot(&msg->manager->store, q->place, q->id,
                                  &q->slot);
}

static void
on_advanced(uv_work_t *w, int status)
{
    struct message *msg = w->data;
    int r = status < 0 ? status : msg->work_result;
    id_text id;

    msg->doing = IDLE;
    msg->advanced = true;
    if (r < 0) {
        msg->blocked = true;
        log_event("queue id=%s in=%s doing=write why=%s then=\"again in a "
                  "minute\"", id_print(msg->id, id),
                  place_name(msg->queued.place), strerror(-r));
    }
    message_step(msg);
}

/* The next attempt is written before this one, so that a crash in it hammers
 * nobody; the first attempt has nothing to write. */
static bool
advance(struct message *msg)
{
    struct slot *slot = &msg->queued.slot;

    if (msg->queued.place == PLACE_TODO || msg->advanced)
        return false;
    slot->attempts++;
    slot->next = (uint64_t)retry_next(msg->id, time(NULL), slot->attempts);
    msg->repeat |= slot->attempts > 1;
    message_work(msg, ADVANCING, advance_work, on_advanced);
    return true;
}

static size_t
pick(struct message *msg, struct pick *picks)
{
    size_t count = 0;

    for (uint32_t i = 0; i < msg->queued.header.rcpt_count; i++)
        if (msg->queued.states[i].state == OWED)
            picks[count++] = (struct pick){site_for(msg, i), i};
    if (count > 1)
        qsort(picks, count, sizeof *picks, by_site);
    for (size_t i = 0; i < count; i++)
        if (msg->forced)
            picks[i].site->rest_until = 0;
    return count;
}

/* One group: handed out, or it waits. */
static void
serve(struct message *msg, const struct pick *picks, size_t count, bool go)
{
    for (size_t i = 0; i < count; i++)
        if (go)
            msg->busy[picks[i].index] = 1;
        else
            message_waits(msg, picks[i].site, &picks[i].index, 1);
    if (go)
        hand_out(msg, picks, count);
}

void
handout_begin(struct message *msg)
{
    struct pick *picks = mem_alloc(msg->owed * sizeof *picks);
    size_t count = pick(msg, picks);
    bool alone = picks[0].site == picks[count - 1].site, any = false;

    for (size_t i = 0; i < count && !any; i++)
        any = may_go(msg, picks[i].site, alone);
    if (any && advance(msg)) {
        free(picks);
        return;
    }
    msg->in_job = true;
    for (size_t i = 0, end; i < count; i = end) {
        end = i + 1;
        while (end < count && picks[end].site == picks[i].site)
            end++;
        serve(msg, picks + i, end - i, may_go(msg, picks[i].site, alone));
    }
    free(picks);
    channel_run(&msg->manager->local);
    channel_run(&msg->manager->remote);
}

void
handout_park(struct message *msg)
{
    site_park(site_for(msg, msg->waits_for), msg->id, message_end(msg));
}
