#include "remote/dns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static void
on_readable(uv_poll_t *poll, int status, int events)
{
    struct dns *d = poll->data;

    (void)status;
    (void)events;
    ub_process(d->context);
}

/* Threads, not processes: a fork would take our descriptors with it. */
static int
configure(struct ub_ctx *context, const struct dns_settings *s)
{
    if (ub_ctx_async(context, 1) != 0 ||
        ub_ctx_set_option(context, "do-not-query-localhost:", "no") != 0)
        return -EINVAL;
    for (size_t i = 0; i < s->servers.count; i++)
        if (ub_ctx_set_fwd(context, s->servers.items[i]) != 0)
            return -EINVAL;
    /* Without that file libunbound asks from the root down by itself. */
    if (s->servers.count == 0)
        ub_ctx_resolvconf(context, NULL);
    for (size_t i = 0; i < s->anchors.count; i++)
        if (ub_ctx_add_ta(context, s->anchors.items[i]) != 0)
            return -EBADMSG;
    if (s->anchor_file && ub_ctx_add_ta_file(context, s->anchor_file) != 0)
        return -EBADMSG;
    return 0;
}

/* libunbound reads the anchors and sets itself up, which takes more than 1 MiB,
 * at the first question; so where there are anchors one is asked whose answer
 * it knows by itself.  Its thread begins with the second, after whatever
 * confines us. */
static int
read_anchors(struct ub_ctx *context, const struct dns_settings *s)
{
    struct ub_result *r = NULL;
    int e;

    if (!s->anchor_file && s->anchors.count == 0)
        return 0;
    e = ub_resolve(context, "localhost.", DNS_A, 1, &r);
    ub_resolve_free(r);
    return e == 0 ? 0 : e == UB_NOMEM ? -ENOMEM : -EBADMSG;
}

int
dns_open(struct dns *d, uv_loop_t *loop, const struct dns_settings *s)
{
    int r;

    if (!(d->context = ub_ctx_create()))
        return -ENOMEM;
    TAILQ_INIT(&d->waiting);
    d->wait_ms = (uint64_t)s->wait * 1000;
    d->poll.data = d->deadline.data = d;
    if ((r = configure(d->context, s)) < 0 ||
        (r = read_anchors(d->context, s)) < 0 ||
        (r = uv_poll_init(loop, &d->poll, ub_fd(d->context))) < 0) {
        ub_ctx_delete(d->context);
        return r;
    }
    uv_timer_init(loop, &d->deadline);
    d->handles = 2;
    d->open = true;
    uv_poll_start(&d->poll, UV_READABLE, on_readable);
    uv_unref((uv_handle_t *)&d->poll);
    uv_unref((uv_handle_t *)&d->deadline);
    return 0;
}

static void on_deadline(uv_timer_t *t);

/* All wait equally long, so the oldest is due first. */
static void
set_deadline(struct dns *d)
{
    struct dns_query *q = TAILQ_FIRST(&d->waiting);
    uint64_t now = uv_now(d->deadline.loop);

    if (q)
        uv_timer_start(&d->deadline, on_deadline,
                       q->until > now ? q->until - now : 0, 0);
    else
        uv_timer_stop(&d->deadline);
}

static void
forget(struct dns_query *q)
{
    bool first = q == TAILQ_FIRST(&q->dns->waiting);

    TAILQ_REMOVE(&q->dns->waiting, q, link);
    q->busy = false;
    if (first)
        set_deadline(q->dns);
}

static void
on_deadline(uv_timer_t *t)
{
    static const struct dns_answer late = {DNS_FAILED, false, "timed out",
                                           NULL};
    struct dns *d = t->data;
    struct dns_query *q;

    while ((q = TAILQ_FIRST(&d->waiting)) && q->until <= uv_now(t->loop)) {
        dns_cancel(q);
        q->on_answer(q, &late);
    }
    set_deadline(d);
}

static const char *
failure(int err, const struct ub_result *r, char *words, size_t size)
{
    if (err != 0 || !r)
        return err ? ub_strerror(err) : "no answer";
    if (r->bogus)
        snprintf(words, size, "DNSSEC: %s",
                 r->why_bogus ? r->why_bogus : "bogus");
    else
        snprintf(words, size, r->rcode == 2 ? "SERVFAIL" : "rcode %d",
                 r->rcode);
    return words;
}

static enum dns_result
classify(int err, const struct ub_result *r)
{
    if (err != 0 || !r || r->bogus)
        return DNS_FAILED;
    if (r->havedata && r->data && r->data[0])
        return DNS_FOUND;
    if (r->nxdomain)
        return DNS_NXDOMAIN;
    return r->rcode == 0 ? DNS_NODATA : DNS_FAILED;
}

static void
on_result(void *data, int err, struct ub_result *result)
{
    struct dns_query *q = data;
    struct dns_answer a = {.what = classify(err, result)};
    char words[200];

    forget(q);
    if (a.what == DNS_FAILED)
        a.why = failure(err, result, words, sizeof words);
    else
        a.secure = result->secure;
    if (a.what == DNS_FOUND)
        a.result = result;
    q->on_answer(q, &a);
    ub_resolve_free(result);
}

bool
dns_ask(struct dns *d, struct dns_query *q, const char *name,
        enum dns_type type)
{
    enum { CLASS_IN = 1 };

    q->dns = d;
    if (ub_resolve_async(d->context, name, (int)type, CLASS_IN, q, on_result,
                         &q->id) != 0)
        return false;
    q->busy = true;
    q->until = uv_now(d->deadline.loop) + d->wait_ms;
    TAILQ_INSERT_TAIL(&d->waiting, q, link);
    if (q == TAILQ_FIRST(&d->waiting))
        set_deadline(d);
    return true;
}

void
dns_cancel(struct dns_query *q)
{
    if (!q->busy)
        return;
    ub_cancel(q->dns->context, q->id);
    forget(q);
}

static bool
host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

bool
dns_expanded(const struct ub_result *r, char name[DNS_NAME_MAX])
{
    const char *from = r->canonname ? r->canonname : r->qname;
    size_t len = strlen(from);

    if (len && from[len - 1] == '.')
        len--;
    if (len == 0 || len >= DNS_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        /* No label is empty. */
        if (from[i] == '.' && (i == 0 || from[i - 1] == '.' || i + 1 == len))
            return false;
        name[i] = from[i];
        if (from[i] >= 'A' && from[i] <= 'Z')
            name[i] = (char)(from[i] + ('a' - 'A'));
        if (!host_byte(name[i]))
            return false;
    }
    name[len] = 0;
    return true;
}

static void
on_closed(uv_handle_t *h)
{
    struct dns *d = h->data;

    if (--d->handles == 0)
        ub_ctx_delete(d->context);
}

void
dns_close(struct dns *d)
{
    if (!d->open)
        return;
    d->open = false;
    uv_close((uv_handle_t *)&d->poll, on_closed);
    uv_close((uv_handle_t *)&d->deadline, on_closed);
}
