#include "remote/dns.h"

#include <errno.h>

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
configure(struct ub_ctx *context, const struct conf_list *servers)
{
    if (ub_ctx_async(context, 1) != 0 ||
        ub_ctx_set_option(context, "do-not-query-localhost:", "no") != 0)
        return -EINVAL;
    for (size_t i = 0; i < servers->count; i++)
        if (ub_ctx_set_fwd(context, servers->items[i]) != 0)
            return -EINVAL;
    /* Without that file libunbound asks from the root down by itself. */
    if (servers->count == 0)
        ub_ctx_resolvconf(context, NULL);
    return 0;
}

int
dns_open(struct dns *d, uv_loop_t *loop, const struct conf_list *servers)
{
    int r;

    if (!(d->context = ub_ctx_create()))
        return -ENOMEM;
    d->poll.data = d;
    if ((r = configure(d->context, servers)) < 0 ||
        (r = uv_poll_init(loop, &d->poll, ub_fd(d->context))) < 0) {
        ub_ctx_delete(d->context);
        return r;
    }
    d->open = true;
    uv_poll_start(&d->poll, UV_READABLE, on_readable);
    uv_unref((uv_handle_t *)&d->poll);
    return 0;
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
    enum dns_result what = classify(err, result);

    q->busy = false;
    q->on_answer(q, what, what == DNS_FOUND ? result : NULL);
    ub_resolve_free(result);
}

bool
dns_ask(struct dns *d, struct dns_query *q, const char *name,
        enum dns_type type)
{
    enum { CLASS_IN = 1 };

    q->dns = d;
    q->busy = ub_resolve_async(d->context, name, (int)type, CLASS_IN, q,
                               on_result, &q->id) == 0;
    return q->busy;
}

void
dns_cancel(struct dns_query *q)
{
    if (q->busy)
        ub_cancel(q->dns->context, q->id);
    q->busy = false;
}

static void
on_closed(uv_handle_t *h)
{
    struct dns *d = h->data;

    ub_ctx_delete(d->context);
}

void
dns_close(struct dns *d)
{
    if (!d->open)
        return;
    d->open = false;
    uv_close((uv_handle_t *)&d->poll, on_closed);
}
