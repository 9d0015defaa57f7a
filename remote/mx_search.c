#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "remote/mx.h"
#include "remote/mxlist.h"
#include "remote/tlsa.h"

enum { ADDRESSES_MAX = 8 }; /* of one host and family */

/* One host, asked for both families at once, then for its TLSA records. */
struct mx_host {
    struct dns_query query[2];  /* IPv6, IPv4: the order they are tried in */
    union mx_sockaddr found[2][ADDRESSES_MAX];
    unsigned count[2];
    bool insecure;              /* an answer was not proven */
    char expanded[DNS_NAME_MAX];
    struct tlsa tlsa;
};

struct mx_search {
    struct mx_lookup *lookup;   /* borrowed */
    const struct mx_source *source;
    struct dns_query mx;
    struct mx_record list[MXLIST_READ_MAX];
    size_t count;
    struct mx_host *hosts;      /* owned; as many as count */
    unsigned pending;           /* questions without an answer */
    bool implicit;              /* no MX: the domain itself is the host */
    bool secure;                /* the MX records were proven */
    char expanded[DNS_NAME_MAX]; /* the domain, at the end of its aliases */
    bool failed;                /* a question had no certain answer */
    bool refused;               /* the policy refused a host */
    char why[160];              /* of the first that failed or was refused */
};

void
mx_search_free(struct mx_search *s)
{
    dns_cancel(&s->mx);
    for (size_t i = 0; s->hosts && i < s->count; i++) {
        for (int f = 0; f < 2; f++)
            dns_cancel(&s->hosts[i].query[f]);
        tlsa_cancel(&s->hosts[i].tlsa);
    }
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
no_answer(struct mx_search *s, const char *what, const char *why)
{
    if (!s->failed)
        snprintf(s->why, sizeof s->why, "%.60s: %.90s", what, why);
    s->failed = true;
}

static void
set_failure(struct mx_search *s)
{
    struct mx_lookup *l = s->lookup;

    l->unsure = s->failed;
    if (s->failed)
        outcome_set(&l->failure, LATER, "4.4.3",
                    "looking up the mail hosts of %s failed: %s", l->name,
                    s->why);
    else if (s->refused && l->required)
        outcome_set(&l->failure, NEVER, "5.7.30",
                    "the sender requires TLS (REQUIRETLS), and no mail host "
                    "of %s has TLSA records that are proven and can be used",
                    l->name);
    else if (s->refused)
        outcome_set(&l->failure, LATER, "4.7.4",
                    "tlspolicy demands DANE, and no mail host of %s has TLSA "
                    "records that are proven and can be used", l->name);
    else if (s->implicit && !l->routed)
        outcome_set(&l->failure, NEVER, "5.4.4",
                    "%s has neither mail host nor address", l->name);
    else
        outcome_set(&l->failure, LATER, "4.4.4",
                    "no mail host of %s has an address", l->name);
}

static bool
has_address(const struct mx_host *h)
{
    return h->count[0] + h->count[1] > 0;
}

/* Whether mail may go to a host, whose records are now known. */
static bool
allowed(struct mx_search *s, size_t i)
{
    struct mx_lookup *l = s->lookup;
    enum tls_level level;

    if (!dane_wanted(l->level) || !has_address(&s->hosts[i]))
        return true;
    if (*s->hosts[i].tlsa.why) {
        no_answer(s, "TLSA", s->hosts[i].tlsa.why);
        return false;
    }
    if (dane_level(l->level, &l->danes[i], &level))
        return true;
    s->refused = true;
    return false;
}

static void
end_with_addresses(struct mx_search *s)
{
    struct mx_lookup *l = s->lookup;

    for (size_t i = 0; i < s->count; i++)
        for (int f = 0; allowed(s, i) && f < 2; f++)
            for (unsigned j = 0; j < s->hosts[i].count[f]; j++)
                mx_add(l, &s->hosts[i].found[f][j], s->list[i].name,
                       l->danes ? &l->danes[i] : NULL);
    set_failure(s);
    end(s);
}

static void
on_tlsa(struct tlsa *t)
{
    struct mx_search *s = t->owner;

    if (--s->pending == 0)
        end_with_addresses(s);
}

/* Whose certificates a host may show besides its own (RFC 7672 3.2.2). */
static void
name_destination(struct mx_search *s, struct dane *d)
{
    memcpy(d->names[1], s->lookup->name, sizeof d->names[1]);
    if (strcmp(s->expanded, s->lookup->name) != 0)
        memcpy(d->names[2], s->expanded, sizeof d->names[2]);
}

/* RFC 7672 2.2.1: MX records that were not proven make all that follows
 * worthless. */
static void
ask_tlsa(struct mx_search *s)
{
    struct mx_lookup *l = s->lookup;

    l->danes = mem_alloc(MXLIST_MAX * sizeof *l->danes);
    s->pending = 1;
    for (size_t i = 0; s->secure && i < s->count; i++) {
        struct mx_host *h = &s->hosts[i];

        if (!has_address(h))
            continue;
        name_destination(s, &l->danes[i]);
        h->tlsa.dns = s->source->dns;
        h->tlsa.port = l->port;
        h->tlsa.host = (struct dane_host){s->list[i].name, h->expanded,
                                          !h->insecure, false};
        h->tlsa.dane = &l->danes[i];
        h->tlsa.owner = s;
        h->tlsa.on_done = on_tlsa;
        if (!tlsa_start(&h->tlsa))
            s->pending++;
    }
    if (--s->pending == 0)
        end_with_addresses(s);
}

static void
end_of_addresses(struct mx_search *s)
{
    if (dane_wanted(s->lookup->level))
        ask_tlsa(s);
    else
        end_with_addresses(s);
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
take_addresses(struct mx_search *s, size_t i, int family,
               const struct dns_answer *a)
{
    struct mx_host *h = &s->hosts[i];

    if (a->what == DNS_FAILED) {
        no_answer(s, s->list[i].name, a->why);
        return;
    }
    h->insecure = h->insecure || !a->secure;
    if (a->what != DNS_FOUND)
        return;
    for (int j = 0; a->result->data[j]; j++)
        add_address(h, family, s->lookup->port,
                    view_make(a->result->data[j], (size_t)a->result->len[j]));
    if (!dns_expanded(a->result, h->expanded))
        snprintf(h->tlsa.why, sizeof h->tlsa.why, "an alias is no host name");
}

static void
on_address(struct dns_query *q, const struct dns_answer *a)
{
    struct mx_search *s = q->owner;

    for (size_t i = 0; i < s->count; i++)
        for (int f = 0; f < 2; f++)
            if (&s->hosts[i].query[f] == q)
                take_addresses(s, i, f, a);
    if (--s->pending == 0)
        end_of_addresses(s);
}

/* The host is the domain itself (RFC 5321 5.1).  Where its addresses come
 * from they may be proven whatever the MX records were. */
static void
be_implicit(struct mx_search *s)
{
    s->implicit = s->secure = true;
    s->count = 1;
    memcpy(s->list[0].name, s->lookup->name, sizeof s->list[0].name);
    memcpy(s->expanded, s->lookup->name, sizeof s->expanded);
}

/* True: none could be asked for, and failure is set. */
static bool
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
                no_answer(s, s->list[i].name, "cannot be asked for");
        }
    if (s->pending == 0)
        set_failure(s);
    return s->pending == 0;
}

/* The records of an answer, in order; false if the lookup ends here, its
 * failure set. */
static bool
take_records(struct mx_search *s, const struct dns_answer *a)
{
    const struct ub_result *result = a->result;
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
    s->secure = a->secure;
    if (!dns_expanded(result, s->expanded))
        memcpy(s->expanded, l->name, sizeof s->expanded);
    if (s->count == 0)
        outcome_set(&l->failure, LATER, "4.4.6",
                    count ? "we are the best mail host of %s ourselves"
                          : "no mail host of %s can be read",
                    l->name);
    return s->count > 0;
}

static void
on_mx(struct dns_query *q, const struct dns_answer *a)
{
    struct mx_search *s = q->owner;
    struct mx_lookup *l = s->lookup;
    bool go_on = false;

    switch (a->what) {
    case DNS_FOUND:
        go_on = take_records(s, a);
        break;
    case DNS_NODATA:
        be_implicit(s);
        go_on = true;
        break;
    case DNS_NXDOMAIN:
        outcome_set(&l->failure, NEVER, "5.1.2", "there is no domain %s",
                    l->name);
        break;
    case DNS_FAILED:
        outcome_set(&l->failure, LATER, "4.4.3",
                    "looking up the mail hosts of %s failed: %s", l->name,
                    a->why);
        break;
    }
    if (!go_on || ask_addresses(s))
        end(s);
}

static bool
ask_mx(struct mx_search *s)
{
    s->mx.owner = s;
    s->mx.on_answer = on_mx;
    if (dns_ask(s->source->dns, &s->mx, s->lookup->name, DNS_MX))
        return false;
    outcome_set(&s->lookup->failure, LATER, "4.4.3",
                "the mail hosts of %s cannot be looked up", s->lookup->name);
    return true;
}

bool
mx_search(struct mx_lookup *l, const struct mx_source *source)
{
    struct mx_search *s = mem_alloc(sizeof *s);
    bool done;

    _Static_assert(sizeof s->list[0].name == sizeof l->name &&
                   sizeof s->expanded == sizeof l->name &&
                   sizeof l->name == DANE_NAME_MAX, "names");
    s->lookup = l;
    s->source = source;
    if (l->routed)
        be_implicit(s);
    done = l->routed ? ask_addresses(s) : ask_mx(s);
    if (done) {
        mx_search_free(s);
        return true;
    }
    l->search = s;
    l->busy = true;
    return false;
}
