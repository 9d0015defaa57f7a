#include "queue/handout.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "queue/manager.h"

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

    route_find(&m->routes, message_rcpt(msg, index), &route);
    return channel_site(route.channel == CHANNEL_LOCAL ? &m->local
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

static void
rest(struct message *msg, const struct pick *picks, size_t count)
{
    struct outcome o;

    outcome_set(&o, LATER, "4.4.1",
                "the site could not be reached a moment ago");
    for (size_t i = 0; i < count; i++) {
        msg->busy[picks[i].index] = 0;
        message_outcome(msg, picks[i].index, &o, "");
    }
}

/* Hands out all owed recipients, grouped by site. */
void
handout_begin(struct message *msg)
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
