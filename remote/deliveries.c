#include "remote/deliveries.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "remote/session.h"

struct delivery {
    struct session_work work;  /* first: one is the other */
    struct job job;
    struct buf bytes;          /* the views of job point into it */
    struct deliveries *all;
    struct session *session;   /* borrowed; NULL: none */
    struct mx_lookup lookup;
    unsigned next;             /* address to try */
    bool clear;                /* TLS failed with the address at hand */
    bool reused;               /* session had been idle */
    bool reached;              /* a host took our connection */
    uint32_t flags;            /* REPORT_* */
    struct outcome last;       /* of the last attempt that settled nothing */
    char host[MX_HOST_MAX];
    LIST_ENTRY(delivery) link;
};

static void
on_settled(struct smtp_mail *m, uint32_t i, const struct outcome *o)
{
    struct delivery *d = (struct delivery *)m;
    struct report r = {.number = d->job.number,
                       .index = d->job.rcpts[i].index,
                       .flags = o->verdict == LATER ? d->flags : 0,
                       .outcome = *o};

    _Static_assert(sizeof d->host + SECURE_WORDS_MAX <= 2 * sizeof r.host,
                   "most of it fits");
    snprintf(r.host, sizeof r.host, "%.255s", d->host);
    if (d->session)
        strncat(r.host, d->session->secure.words,
                sizeof r.host - strlen(r.host) - 1);
    if (m->open == 0)
        d->all->open--;
    channel_report(d->all->channel, &r);
}

/* Frees a delivery that is settled, once nothing is under way for it. */
static void
end_if_over(struct delivery *d)
{
    struct deliveries *all = d->all;

    if (d->work.mail.open > 0 || d->session || d->work.content.busy ||
        d->lookup.busy)
        return;
    LIST_REMOVE(d, link);
    all->count--;
    content_free(&d->work.content);
    mx_free(&d->lookup);
    buf_free(&d->bytes);
    free(d);
    all->on_end(all);
}

static void
attach(struct delivery *d, struct session *s, bool reused)
{
    d->session = s;
    d->reused = reused;
    memcpy(d->host, s->host, sizeof d->host);
    session_send(s, &d->work);
}

static struct tlspolicy
policy_of(const struct delivery *d, unsigned i)
{
    return sessions_policy(d->all->sessions, &d->job, d->lookup.found[i].dane);
}

/* The next address, or the end. */
static void
try_next(struct delivery *d)
{
    struct sessions *all = d->all->sessions;
    struct buf key = {0};
    struct session *s;

    if (d->next < d->lookup.count) {
        struct auth_secret secret;
        struct session_plan plan = {
            .policy = policy_of(d, d->next),
            .as = bind_find(&all->binds, d->job.sender),
        };

        if (sessions_secret(all, &d->job, &secret))
            plan.secret = &secret;
        if (d->clear)
            plan.policy.level = TLS_NONE;
        sessions_key(all, &key, &d->job);
        plan.key = buf_view(&key);
        s = session_open(all, &d->lookup.found[d->next++], &plan);
        buf_free(&key);
        attach(d, s, false);
        return;
    }
    if (!d->reached)
        d->flags |= REPORT_SITE_DOWN;
    smtp_mail_settle_all(&d->work.mail, &d->last);
    end_if_over(d);
}

static void
use_addresses(struct delivery *d)
{
    struct sessions *sessions = d->all->sessions;

    if (d->lookup.count == 0 || d->lookup.unsure)
        d->last = d->lookup.failure;
    peers_order(&sessions->peers, d->lookup.found, d->lookup.count,
                uv_now(sessions->loop));
    try_next(d);
}

static void
on_found(struct mx_lookup *l)
{
    struct delivery *d = (struct delivery *)((char *)l -
                                             offsetof(struct delivery, lookup));

    if (d->work.mail.open > 0)
        use_addresses(d);
    else
        end_if_over(d);
}

static void
look_up(struct delivery *d)
{
    if (d->lookup.count > 0)
        try_next(d);
    else if (mx_find(&d->lookup, d->all->mx, &d->job, on_found))
        use_addresses(d);
}

/* An idle session of the destination, or a new one. */
static void
find_session(struct delivery *d)
{
    struct buf key = {0};
    struct session *s;

    sessions_key(d->all->sessions, &key, &d->job);
    s = sessions_take(d->all->sessions, buf_view(&key));
    buf_free(&key);
    if (s)
        attach(d, s, true);
    else
        look_up(d);
}

/* The recipients whom the last transaction had no room for. */
static void
go_on(struct delivery *d)
{
    d->next = 0;
    d->clear = false;
    find_session(d);
}

/* Whether the end tells of the address, not of this side alone: a source that
 * is not here, no descriptor, an end of ours before there was a connection. */
static bool
tells(const struct session *s, enum session_end end)
{
    if (s->connected)
        return true;
    return end == SESSION_UNREACHED &&
           (s->connect_error == 0 || s->connect_error == UV_ENETUNREACH ||
            s->connect_error == UV_EHOSTUNREACH);
}

/* Remembers how a connection that was made for this went. */
static void
remember(struct delivery *d, enum session_end end)
{
    struct sessions *sessions = d->all->sessions;
    const union mx_sockaddr *address;

    if (d->reused || d->next == 0 || !tells(d->session, end))
        return;
    address = &d->lookup.found[d->next - 1].address;
    if (end == SESSION_UNREACHED)
        peers_failed(&sessions->peers, address, uv_now(sessions->loop));
    else
        peers_reached(&sessions->peers, address);
}

static void
on_done(struct session_work *w, enum session_end end, const struct outcome *why)
{
    struct delivery *d = (struct delivery *)w;

    remember(d, end);
    d->session = NULL;
    if (w->mail.open == 0) {
        end_if_over(d);
        return;
    }
    if (end == SESSION_DONE) {
        go_on(d);
        return;
    }
    /* What one host refuses for good, one that did not answer may take. */
    if (why->verdict != NEVER || d->last.verdict != LATER)
        d->last = *why;
    d->reached = d->reached || end != SESSION_UNREACHED;
    /* TLS that is wanted for nothing but its own sake is no reason not to
     * deliver (RFC 7435 3). */
    d->clear = end == SESSION_NOTLS && d->next > 0 &&
               policy_of(d, d->next - 1).level == TLS_MAY;
    if (d->clear)
        d->next--;
    /* The server had every right to end an idle session: that is no failure,
     * and no address was tried yet. */
    if (d->reused) {
        d->reached = false;
        look_up(d);
    } else {
        try_next(d);
    }
}

/* Gives what is open o, now, whatever is under way. */
static void
give_up(struct delivery *d, const struct outcome *o)
{
    if (d->session) {
        session_abort(d->session, o);
    } else {
        mx_cancel(&d->lookup);
        smtp_mail_settle_all(&d->work.mail, o);
        end_if_over(d);
    }
}

static void
on_piece(struct content *c)
{
    struct delivery *d = (struct delivery *)((char *)c -
        offsetof(struct delivery, work.content));
    struct outcome o;

    if (c->error == 0 || d->work.mail.open == 0) {
        if (d->session)
            session_piece(d->session);
        else
            end_if_over(d);
        return;
    }
    if (content_damaged(c)) {
        d->flags |= REPORT_DAMAGED;
        outcome_set(&o, LATER, "4.3.0",
                    "the message in the queue does not match its digest");
    } else if (content_refused(c)) {
        outcome_set(&o, NEVER, "5.6.3", "SMTP cannot carry the message: %s",
                    content_refused(c));
    } else {
        outcome_errno(&o, c->error, "reading the message");
    }
    give_up(d, &o);
}

static void
start_work(struct delivery *d)
{
    struct sessions *sessions = d->all->sessions;

    d->work.until = uv_now(sessions->loop) +
                    (DELIVERY_TIME + d->job.length / DELIVERY_RATE) * 1000;
    d->work.done = on_done;
    d->lookup.level = sessions_wanted(sessions, &d->job);
    find_session(d);
}

/* A datagram that is no job: LATER for each recipient it still shows. */
static void
refuse(struct deliveries *all, const struct job *job, size_t len)
{
    struct report r = {.number = job->number};
    uint32_t told = 0;

    outcome_set(&r.outcome, LATER, "4.3.0", "the job could not be read");
    for (uint32_t i = 0; i < job->rcpt_count && i < JOB_RCPT_MAX; i++)
        if (job->rcpts[i].address.len) {
            r.index = job->rcpts[i].index;
            channel_report(all->channel, &r);
            told++;
        }
    log_event("job-unreadable job=%ju bytes=%zu told=%u",
              (uintmax_t)job->number, len, (unsigned)told);
}

void
delivery_start(struct deliveries *all, struct view bytes, int fd)
{
    struct delivery *d = mem_alloc(sizeof *d);
    struct outcome o;

    buf_addview(&d->bytes, bytes);
    if (job_parse(&d->job, buf_view(&d->bytes)) < 0) {
        refuse(all, &d->job, bytes.len);
        file_close(&fd);
        buf_free(&d->bytes);
        free(d);
        return;
    }
    d->all = all;
    LIST_INSERT_HEAD(&all->list, d, link);
    all->count++;
    all->open++;
    smtp_mail_init(&d->work.mail, &d->job, on_settled);
    content_init(&d->work.content, &d->job, fd, on_piece);
    if (fd < 0) {
        outcome_set(&o, LATER, "4.3.0",
                    "the message did not come with the job");
        give_up(d, &o);
    } else if (all->stopping) {
        outcome_set(&o, LATER, "4.3.2", "shutting down");
        give_up(d, &o);
    } else {
        smtp_mail_check(&d->work.mail);
        if (d->work.mail.open > 0)
            start_work(d);
        else
            end_if_over(d);
    }
}

void
deliveries_stop(struct deliveries *all)
{
    struct delivery *d, *next;
    struct outcome o;

    all->stopping = true;
    outcome_set(&o, LATER, "4.3.2", "shutting down");
    for (d = LIST_FIRST(&all->list); d; d = next) {
        next = LIST_NEXT(d, link);
        if (!d->session || !smtp_client_committed(&d->session->client))
            give_up(d, &o);
    }
}
