/* tlsa.h - asks for the TLSA records of one host
 *
 * What is asked and what answers mean is dane.c's; this only asks. */
#ifndef REMOTE_TLSA_H
#define REMOTE_TLSA_H

#include "remote/dane.h"
#include "remote/dns.h"

/* Starts as zeros, stays where it is while busy. */
struct tlsa {
    struct dns_query query;
    struct dns *dns;          /* borrowed */
    unsigned port;
    struct dane_host host;    /* its names are borrowed */
    struct dane *dane;        /* borrowed: filled */
    const char *bases[2];
    unsigned base_count, next;
    char why[100];            /* not empty: nobody knows; then why */
    void *owner;
    void (*on_done)(struct tlsa *t);
};

/* dns, port, host, dane and on_done are set.  True: done already, no call
 * follows; false: on_done is called later. */
bool tlsa_start(struct tlsa *t);

void tlsa_cancel(struct tlsa *t);

#endif
