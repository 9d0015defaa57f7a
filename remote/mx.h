/* mx.h - the addresses a job goes to, in the order to try them */
#ifndef REMOTE_MX_H
#define REMOTE_MX_H

#include <netinet/in.h>
#include <uv.h>

#include "base/job.h"
#include "remote/dane.h"
#include "remote/dns.h"
#include "remote/hosts.h"

enum {
    MX_ADDRESS_MAX = 16, /* tried for one job */
    MX_HOST_MAX = 256,   /* bytes of a host's name, or of it with address */
    MX_PORT = 25,
};

union mx_sockaddr {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

struct mx_address {
    union mx_sockaddr address;
    char host[MX_HOST_MAX];   /* "mx1.example.org[192.0.2.1]:25" */
    const struct dane *dane;  /* of the host, the lookup's; NULL: nothing */
};

/* Where lookups come from; one for all. */
struct mx_source {
    struct dns *dns;
    const struct hosts *hosts; /* of this system; for routes */
    const char *own[3];       /* our names, NULL behind them; borrowed */
};

struct mx_search;

/* One lookup.  Starts as zeros. */
struct mx_lookup {
    struct mx_search *search; /* owned; in the DNS, while it goes on */
    enum tls_level level;     /* by the owner: what the policy asks for */
    bool routed;              /* name is the host of a route: no MX */
    bool required;            /* the sender requires TLS: level is DANE_ONLY,
                               * and hosts without are NEVER */
    char name[MX_HOST_MAX];   /* with A-labels */
    unsigned port;
    struct dane *danes;       /* owned; of the hosts */
    struct mx_address *found; /* owned */
    unsigned count;           /* 0: see failure */
    bool unsure;              /* some host could not be found out about: see
                               * failure */
    struct outcome failure;
    bool busy;                /* on_found will be called */
    void (*on_found)(struct mx_lookup *l);
};

/* Finds the addresses of the job's route, or where it has none, of its site;
 * where the level asks for TLSA records, those of hosts that may be gone to.
 * True: done already, no call follows; false: on_found is called later. */
bool mx_find(struct mx_lookup *l, const struct mx_source *source,
             const struct job *job, void (*on_found)(struct mx_lookup *));

/* Asks the DNS for the mail hosts of l->name (RFC 5321 5.1, RFC 7505), or if
 * it is routed for the host itself, as mx_find does.  For mx.c. */
bool mx_search(struct mx_lookup *l, const struct mx_source *source);
void mx_search_free(struct mx_search *s);

/* One more address under a host's name, while there is room; dane may be
 * NULL.  For the two. */
void mx_add(struct mx_lookup *l, const union mx_sockaddr *address,
            const char *name, const struct dane *dane);

/* Ends a lookup as far as can be: afterwards it may still be busy. */
void mx_cancel(struct mx_lookup *l);

/* Not while busy. */
void mx_free(struct mx_lookup *l);

/* Reads an address literal: "192.0.2.1", "[192.0.2.1]", "::1", "[::1]",
 * "[IPv6:::1]" (RFC 5321 4.1.3); false for anything else. */
bool mx_literal(struct view host, unsigned port, union mx_sockaddr *address);

#endif
