#include "remote/peers.h"

#include <string.h>

static struct view
bytes_of(const union mx_sockaddr *a)
{
    if (a->any.sa_family == AF_INET6)
        return view_make(&a->in6.sin6_addr, sizeof a->in6.sin6_addr);
    return view_make(&a->in.sin_addr, sizeof a->in.sin_addr);
}

/* The port stands at the same place for both families. */
static bool
equal(const union mx_sockaddr *a, const union mx_sockaddr *b)
{
    return a->any.sa_family == b->any.sa_family &&
           a->in.sin_port == b->in.sin_port &&
           view_equal(bytes_of(a), bytes_of(b));
}

static size_t
place_of(const union mx_sockaddr *a)
{
    struct view v = bytes_of(a);
    uint32_t hash = 2166136261u ^ a->in.sin_port;

    for (size_t i = 0; i < v.len; i++)
        hash = (hash ^ (unsigned char)v.data[i]) * 16777619u;
    return (hash ^ hash >> 16) % PEERS_PLACES;
}

void
peers_failed(struct peers *p, const union mx_sockaddr *address, uint64_t now)
{
    size_t i = place_of(address);

    p->places[i].address = *address;
    p->places[i].until = now + PEERS_REST * 1000;
}

static bool
known(const struct peers *p, const union mx_sockaddr *address)
{
    return equal(&p->places[place_of(address)].address, address);
}

void
peers_reached(struct peers *p, const union mx_sockaddr *address)
{
    if (known(p, address))
        p->places[place_of(address)].until = 0;
}

static bool
rests(const struct peers *p, const union mx_sockaddr *address, uint64_t now)
{
    return known(p, address) && p->places[place_of(address)].until > now;
}

void
peers_order(const struct peers *p, struct mx_address *list, unsigned count,
            uint64_t now)
{
    struct mx_address last[MX_ADDRESS_MAX];
    unsigned kept = 0, resting = 0;

    for (unsigned i = 0; i < count && i < MX_ADDRESS_MAX; i++)
        if (rests(p, &list[i].address, now))
            last[resting++] = list[i];
        else
            list[kept++] = list[i];
    memcpy(list + kept, last, resting * sizeof *last);
}
