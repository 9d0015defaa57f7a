#include "remote/mx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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
       const char *name)
{
    struct mx_address *a = &l->found[l->count];
    char ip[INET6_ADDRSTRLEN] = "?";

    if (l->count == MX_ADDRESS_MAX)
        return;
    l->count++;
    a->address = *address;
    if (address->any.sa_family == AF_INET)
        uv_ip4_name(&address->in, ip, sizeof ip);
    else
        uv_ip6_name(&address->in6, ip, sizeof ip);
    snprintf(a->host, sizeof a->host, "%.190s[%s]:%u", name, ip, l->port);
}

static void
on_addresses(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct mx_lookup *l = request->data;

    l->busy = false;
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        union mx_sockaddr address = {0};

        if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
            continue;
        memcpy(&address, a->ai_addr, a->ai_addrlen);
        mx_add(l, &address, l->name);
    }
    uv_freeaddrinfo(list);
    if (l->count == 0)
        outcome_set(&l->failure, LATER, "4.4.3", "looking up %s: %s", l->name,
                    status < 0 ? uv_strerror(status) : "no address");
    l->on_found(l);
}

/* Whether host is fit to be asked for: a name without odd bytes. */
static bool
plain_name(struct view host)
{
    for (size_t i = 0; i < host.len; i++)
        if (host.data[i] <= ' ' || host.data[i] > '~')
            return false;
    return host.len > 0 && host.len < MX_HOST_MAX;
}

static bool
find_host(struct mx_lookup *l, uv_loop_t *loop)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char port[8];
    int r;

    snprintf(port, sizeof port, "%u", l->port);
    l->request.data = l;
    r = uv_getaddrinfo(loop, &l->request, on_addresses, l->name, port, &hints);
    if (r < 0) {
        outcome_set(&l->failure, LATER, "4.4.3", "looking up %s: %s", l->name,
                    uv_strerror(r));
        return true;
    }
    l->busy = true;
    return false;
}

bool
mx_find(struct mx_lookup *l, const struct mx_source *source,
        const struct job *job, void (*on_found)(struct mx_lookup *))
{
    struct view host = job->route.len ? job->route : job->site;
    union mx_sockaddr address;

    l->on_found = on_found;
    l->port = job->port ? job->port : MX_PORT;
    l->found = mem_alloc(MX_ADDRESS_MAX * sizeof *l->found);
    if (l->port > UINT16_MAX || !plain_name(host)) {
        outcome_set(&l->failure, LATER, "4.4.4",
                    "the route is no host name with a port");
        return true;
    }
    snprintf(l->name, sizeof l->name, "%.*s", (int)host.len, host.data);
    if (mx_literal(host, l->port, &address)) {
        mx_add(l, &address, l->name);
        return true;
    }
    if (job->route.len)
        return find_host(l, source->loop);
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
    free(l->found);
    l->found = NULL;
}
