#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "remote/mx.h"
#include "remote/mxlist.h"

enum { ADDRESSES_MAX = 8 }; /* of one host and family */

/* One host, asked for both families at once. */
struct mx_host {
    struct dns_query query[2];  /* IPv6, IPv4: the order they are tried in */
    union mx_sockaddr found[2][ADDRESSES_MAX];
    unsigned count[2];
};

struct mx_search {
    struct mx_lookup *lookup;   /* borrowed */
    const struct mx_source *source;
    struct dns_query mx;
    struct mx_record list[MXLIST_READ_MAX];
    size_t count;
    struct mx_host *hosts;      /* owned; as many as count */
    unsigned pending;           /* questions without an answer */
    bool failed;                /* one had no certain answer */
    bool implicit;              /* no MX: the domain itself is the host */
};

void
mx_search_free(struct mx_search *s)
{
    dns_cancel(&s->mx);
    for (size_t i = 0; s->hosts && i < s->count; i++)
        for (int f = 0; f < 2; f++)
            dns_cancel(&s->hosts[i].query[f]);
    free(s->hosts);
    free(s);
}

/* Tells what was found, or that nothing was; s is gone. */
static void
end(struct mx_search *s)
{
    struct mx_lookup *l = s->lookup;

    l->busy = false;
    l->search = NULL;
    mx_search_free(s);
    l->on_found(l);
}

static void
end_with_addresses(struct mx_search *s)
{
    struct mx_lookup *l = s->lookup;

    for (size_t i = 0; i < s->count; i++)
        for (int f = 0; f < 2; f++)
            for (unsigned j = 0; j < s->hosts[i].count[f]; j++)
                mx_add(l, &s->hosts[i].found[f][j], s->list[i].name);
    if (s->failed)
        outcome_set(&l->failure, LATER, "4.4.3",
                    "looking up the mail hosts of %s failed", l->name);
    else if (s->implicit)
        outcome_set(&l->failure, NEVER, "5.4.4",
                    "%s has neither mail host nor address", l->name);
    else
        outcome_set(&l->failure, LATER, "4.4.4",
                    "no mail host of %s has an address", l->name);
    end(s);
}

static void
add_address(struct mx_host *h, int family, unsigned port, struct view rdata)
{
    union mx_sockaddr *a = &h->found[family][h->count[family]];

    if (h->count[family] == ADDRESSES_MAX)
        return;
    memset(a, 0, sizeof *a);
    if (family == 0 && rdata.len == sizeof a->in6.sin6_addr) {
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_port = htons((uint16_t)port);
        memcpy(&a->in6.sin6_addr, rdata.data, rdata.len);
    } else if (family == 1 && rdata.len == sizeof a->in.sin_addr) {
        a->in.sin_family = AF_INET;
        a->in.sin_port = htons((uint16_t)port);
        memcpy(&a->in.sin_addr, rdata.data, rdata.len);
    } else {
        return;
    }
    h->count[family]++;
}

static void
on_address(struct dns_query *q, enum dns_result what,
           const struct ub_result *result)
{
    struct mx_search *s = q->owner;

    s->failed = s->failed || what == DNS_FAILED;
    for (size_t i = 0; i < s->count; i++)
        for (int f = 0; f < 2; f++)
            for (int j = 0; &s->hosts[i].query[f] == q && result &&
                            result->data[j]; j++)
                add_address(&s->hosts[i], f, s->lookup->port,
                            view_make(result->data[j],
                                      (size_t)result->len[j]));
    if (--s->pending == 0)
        end_with_addresses(s);
}

static void
ask_addresses(struct mx_search *s)
{
    static const enum dns_type types[2] = {DNS_AAAA, DNS_A};

    s->hosts = mem_alloc(s->count * sizeof *s->hosts);
    for (size_t i = 0; i < s->count; i++)
        for (int f = 0; f < 2; f++) {
            struct dns_query *q = &s->hosts[i].query[f];

            q->owner = s;
            q->on_answer = on_address;
            if (dns_ask(s->source->dns, q, s->list[i].name, types[f]))
                s->pending++;
            else
                s->failed = true;
        }
    if (s->pending == 0)
        end_with_addresses(s);
}

/* The records of an answer, in order; false if the lookup ends here, its
 * failure set. */
static bool
take_records(struct mx_search *s, const struct ub_result *result)
{
    struct mx_lookup *l = s->lookup;
    size_t count = 0;

    for (int i = 0; result->data[i] && count < MXLIST_READ_MAX; i++)
        if (mxlist_read(&s->list[count], view_make(result->data[i],
                                                   (size_t)result->len[i])))
            s->list[count++].chance = randombytes_random();
    if (mxlist_null(s->list, count)) {
        outcome_set(&l->failure, NEVER, "5.1.10", "%s takes no mail",
                    l->name);
        return false;
    }
    s->count = mxlist_order(s->list, count, s->source->own);
    if (s->count == 0)
        outcome_set(&l->failure, LATER, "4.4.6",
                    count ? "we are the best mail host of %s ourselves"
                          : "no mail host of %s can be read",
                    l->name);
    return s->count > 0;
}

static void
on_mx(struct dns_query *q, enum dns_result what,
      const struct ub_result *result)
{
    struct mx_search *s = q->owner;
    struct mx_lookup *l = s->lookup;
    bool go_on = false;

    switch (what) {
    case DNS_FOUND:
        go_on = take_records(s, result);
        break;
    case DNS_NODATA:
        /* RFC 5321 5.1: the domain is its own host, at preference 0. */
        s->implicit = go_on = true;
        s->count = 1;
        memcpy(s->list[0].name, l->name, sizeof s->list[0].name);
        break;
    case DNS_NXDOMAIN:
        outcome_set(&l->failure, NEVER, "5.1.2", "there is no domain %s",
                    l->name);
        break;
    case DNS_FAILED:
        outcome_set(&l->failure, LATER, "4.4.3",
                    "looking up the mail hosts of %s failed", l->name);
        break;
    }
    if (go_on)
        ask_addresses(s);
    else
        end(s);
}

bool
mx_search(struct mx_lookup *l, const struct mx_source *source)
{
    struct mx_search *s = mem_alloc(sizeof *s);

    _Static_assert(sizeof s->list[0].name == sizeof l->name, "names");
    s->lookup = l;
    s->source = source;
    s->mx.owner = s;
    s->mx.on_answer = on_mx;
    if (!dns_ask(source->dns, &s->mx, l->name, DNS_MX)) {
        outcome_set(&l->failure, LATER, "4.4.3",
                    "the mail hosts of %s cannot be looked up", l->name);
        mx_search_free(s);
        return true;
    }
    l->search = s;
    l->busy = true;
    return false;
}
