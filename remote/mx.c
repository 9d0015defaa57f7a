#include "remote/mx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "remote/idna.h"
#include "remote/mxlist.h"

bool
mx_literal(struct view host, unsigned port, union mx_sockaddr *address)
{
    static const char tag[] = "IPv6:";
    const size_t taglen = sizeof tag - 1;
    char text[INET6_ADDRSTRLEN];

    memset(address, 0, sizeof *address);
    if (host.len >= 2 && host.data[0] == '[' &&
        host.data[host.len - 1] == ']') {
        host = view_make(host.data + 1, host.len - 2);
        if (host.len > taglen &&
            view_equalcase(view_make(host.data, taglen), view_of(tag)))
            host = view_from(host, taglen);
    }
    if (host.len >= sizeof text || view_find(host, 0) < host.len ||
        view_find(host, '%') < host.len)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)host.len, host.data);
    return uv_ip4_addr(text, (int)port, &address->in) == 0 ||
           uv_ip6_addr(text, (int)port, &address->in6) == 0;
}

void
mx_add(struct mx_lookup *l, const union mx_sockaddr *address,
       const char *name, const struct dane *dane)
{
    struct mx_address *a = &l->found[l->count];
    char ip[INET6_ADDRSTRLEN] = "?";

    if (l->count == MX_ADDRESS_MAX)
        return;
    l->count++;
    a->address = *address;
    a->dane = dane;
    if (address->any.sa_family == AF_INET)
        uv_ip4_name(&address->in, ip, sizeof ip);
    else
        uv_ip6_name(&address->in6, ip, sizeof ip);
    snprintf(a->host, sizeof a->host, "%.190s[%s]:%u", name, ip, l->port);
}

/* Whether host is fit to be asked for: a name without odd bytes. */
static bool
plain_name(struct view host)
{
    for (size_t i = 0; i < host.len; i++)
        if (host.data[i] <= ' ' || host.data[i] > '~')
            return false;
    return host.len > 0;
}

/* The host of a route may be in this system's own table. */
static bool
find_host(struct mx_lookup *l, const struct hosts *hosts)
{
    union mx_sockaddr address;
    const char *text;

    for (size_t i = 0; (text = hosts_find(hosts, view_of(l->name), i)); i++)
        if (mx_literal(view_of(text), l->port, &address))
            mx_add(l, &address, l->name, NULL);
    return l->count > 0;
}

/* The name to look up, in l->name; false: there is none, and why. */
static bool
take_name(struct mx_lookup *l, struct view host)
{
    const char *why = "not a host name with a port";

    if (l->port <= UINT16_MAX && idna_ascii(host, l->name, &why) &&
        plain_name(view_of(l->name)))
        return true;
    outcome_set(&l->failure, LATER, "4.4.4",
                "the destination cannot be looked up: %s", why);
    return false;
}

/* Nothing is proven of an address. */
static void
take_literal(struct mx_lookup *l, const union mx_sockaddr *address)
{
    enum tls_level level;

    if (l->required)
        outcome_set(&l->failure, NEVER, "5.7.30",
                    "the sender requires TLS (REQUIRETLS), and nobody can "
                    "prove to be %s", l->name);
    else if (dane_level(l->level, NULL, &level))
        mx_add(l, address, l->name, NULL);
    else
        outcome_set(&l->failure, LATER, "4.7.4",
                    "tlspolicy demands DANE, and %s is an address", l->name);
}

bool
mx_find(struct mx_lookup *l, const struct mx_source *source,
        const struct job *job, void (*on_found)(struct mx_lookup *))
{
    union mx_sockaddr address;

    l->on_found = on_found;
    l->routed = job->route.len > 0;
    l->required = !l->routed && (job->flags & JOB_REQUIRETLS);
    l->port = job->port ? job->port : MX_PORT;
    l->found = mem_alloc(MX_ADDRESS_MAX * sizeof *l->found);
    if (!take_name(l, l->routed ? job->route : job->site))
        return true;
    if (mx_literal(view_of(l->name), l->port, &address)) {
        take_literal(l, &address);
        return true;
    }
    if (l->routed && l->level != TLS_DANE_ONLY &&
        find_host(l, source->hosts))
        return true;
    return mx_search(l, source);
}

void
mx_cancel(struct mx_lookup *l)
{
    if (!l->search)
        return;
    mx_search_free(l->search);
    l->search = NULL;
    l->busy = false;
}

void
mx_free(struct mx_lookup *l)
{
    mx_cancel(l);
    for (size_t i = 0; l->danes && i < MXLIST_MAX; i++)
        dane_free(&l->danes[i]);
    free(l->danes);
    l->danes = NULL;
    free(l->found);
    l->found = NULL;
}
