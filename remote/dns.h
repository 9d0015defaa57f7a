/* dns.h - libunbound on our loop */
#ifndef REMOTE_DNS_H
#define REMOTE_DNS_H

#include <unbound.h>
#include <uv.h>

#include "base/conf.h"

enum dns_type { DNS_A = 1, DNS_MX = 15, DNS_AAAA = 28 };

/* What an answer says.  Only what was said for sure is NODATA or NXDOMAIN;
 * timeouts, SERVFAIL and answers that fail validation are FAILED. */
enum dns_result { DNS_FOUND, DNS_NODATA, DNS_NXDOMAIN, DNS_FAILED };

struct dns {
    struct ub_ctx *context;
    uv_poll_t poll;
    bool open;
};

/* One question.  Starts as zeros, stays where it is while busy. */
struct dns_query {
    struct dns *dns;
    int id;
    bool busy;
    void *owner;
    /* result is valid for the call; NULL unless what is DNS_FOUND. */
    void (*on_answer)(struct dns_query *q, enum dns_result what,
                      const struct ub_result *result);
};

/* Asks the servers of the list ("192.0.2.53" or "192.0.2.53@5353"); where it
 * is empty, those of the system.  0 or a negative errno. */
int dns_open(struct dns *d, uv_loop_t *loop, const struct conf_list *servers);

/* Sends a question; on_answer is called later, in the loop.  False if it
 * could not be sent. */
bool dns_ask(struct dns *d, struct dns_query *q, const char *name,
             enum dns_type type);

/* No answer is wanted any more.  Harmless if none was awaited. */
void dns_cancel(struct dns_query *q);

/* Ends the handle. */
void dns_close(struct dns *d);

#endif
