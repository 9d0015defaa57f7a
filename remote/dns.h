/* dns.h - libunbound on our loop */
#ifndef REMOTE_DNS_H
#define REMOTE_DNS_H

#include <sys/queue.h>
#include <unbound.h>
#include <uv.h>

#include "base/conf.h"

enum dns_type {
    DNS_A = 1, DNS_CNAME = 5, DNS_MX = 15, DNS_AAAA = 28, DNS_TLSA = 52
};

enum {
    DNS_NAME_MAX = 256, /* bytes of a name as text, with its zero */
    DNS_WAIT = 30,      /* seconds for an answer, if no setting says other */
};

/* What an answer says.  Only what was said for sure is NODATA or NXDOMAIN;
 * timeouts, SERVFAIL and answers that fail validation are FAILED. */
enum dns_result { DNS_FOUND, DNS_NODATA, DNS_NXDOMAIN, DNS_FAILED };

/* Valid for the call. */
struct dns_answer {
    enum dns_result what;
    bool secure;                    /* proven from a trust anchor down */
    const char *why;                /* DNS_FAILED: in words */
    const struct ub_result *result; /* DNS_FOUND; else NULL */
};

struct dns_query;
TAILQ_HEAD(dns_waiting, dns_query);

struct dns {
    struct ub_ctx *context;
    uv_poll_t poll;
    uv_timer_t deadline;         /* of the first of waiting */
    struct dns_waiting waiting;  /* oldest first */
    uint64_t wait_ms;
    int handles;                 /* not yet closed */
    bool open;
};

struct dns_settings {
    struct conf_list servers; /* "192.0.2.53", "192.0.2.53@5353"; empty:
                               * those of the system */
    struct conf_list anchors; /* DS or DNSKEY records to trust */
    const char *anchor_file;  /* a file of such; NULL: none */
    unsigned wait;            /* seconds */
};

/* One question.  Starts as zeros, stays where it is while busy. */
struct dns_query {
    struct dns *dns;
    int id;
    bool busy;
    uint64_t until;
    TAILQ_ENTRY(dns_query) link;
    void *owner;
    void (*on_answer)(struct dns_query *q, const struct dns_answer *a);
};

/* Reads every file that will be needed: settings of the system, trust
 * anchors; what is asked later opens none.  0 or a negative errno; -EBADMSG:
 * an anchor is no record. */
int dns_open(struct dns *d, uv_loop_t *loop, const struct dns_settings *s);

/* Sends a question; on_answer is called later, in the loop, and no later
 * than the wait after now.  False if it could not be sent. */
bool dns_ask(struct dns *d, struct dns_query *q, const char *name,
             enum dns_type type);

/* No answer is wanted any more.  Harmless if none was awaited. */
void dns_cancel(struct dns_query *q);

/* The name at the end of the aliases, in small letters without the final
 * dot; false if it is no name of a host. */
bool dns_expanded(const struct ub_result *r, char name[DNS_NAME_MAX]);

/* Ends the handles. */
void dns_close(struct dns *d);

#endif
