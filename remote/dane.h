/* dane.h - which TLSA records count, and what they ask for (RFC 7672)
 *
 * Pure.  In ten lines:
 *   A policy of `dane` or `dane-only` asks for the TLSA records of each host.
 *   They are looked up only where the MX records and the host's addresses
 *   were proven; for a host behind an alias at its last name, then its first.
 *   Records that were not proven are none (RFC 7672 2.2).
 *   One that can be used: the host has to show what it says (DANE).
 *   Only others: TLS, with whoever it is; `dane-only` does not go there.
 *   None: `dane` is `may`; `dane-only` does not go there.
 *   Not known (SERVFAIL, bogus, no answer): nobody goes there.
 *   What is left without a host is tried again later. */
#ifndef REMOTE_DANE_H
#define REMOTE_DANE_H

#include "remote/tlspolicy.h"

enum {
    DANE_NAME_MAX = 256,      /* bytes of a name, with its zero */
    DANE_NAMES = 3,           /* a certificate may be for */
    DANE_BYTES_MAX = 1 << 16, /* of the records of a host; more don't count */
};

enum dane_state {
    DANE_NONE,     /* no record that was proven */
    DANE_UNUSABLE, /* none of them can be used */
    DANE_USABLE,
};

/* What a host has said of itself.  {0}: nothing. */
struct dane {
    enum dane_state state;
    /* Who its certificate may be for, "" where there is none: the base domain
     * of the records, which the handshake names, the destination, and what
     * that is an alias of (RFC 7672 3.2.2). */
    char names[DANE_NAMES][DANE_NAME_MAX];
    struct buf records; /* usable ones: u16 length, data as in the DNS */
};

/* Takes the data of one record.  It can be used if its usage is DANE-TA(2) or
 * DANE-EE(3), its selector and matching type are known and its data is what
 * these say (RFC 7672 3.1). */
void dane_add(struct dane *d, struct view data);

/* Takes the next of a list of records; false at the end. */
bool dane_next(struct view *records, struct view *record);

void dane_copy(struct dane *to, const struct dane *from);
void dane_free(struct dane *d);

/* What is known of a host when its addresses are. */
struct dane_host {
    const char *name;
    const char *expanded; /* at the end of its aliases; else equal to name */
    bool secure;          /* the addresses, aliases with them, were proven */
    bool alias_secure;    /* the first alias was */
};

/* Whether alias_secure matters, and so has to be asked for. */
bool dane_needs_alias(const struct dane_host *h);

/* The base domains to look below, in order; how many (RFC 7672 2.2.3). */
unsigned dane_bases(const struct dane_host *h, const char *bases[2]);

/* Whether a policy asks for records at all. */
bool dane_wanted(enum tls_level wanted);

/* What a policy becomes towards a host (NULL: nothing is known of it): never
 * TLS_DANE, and TLS_DANE_ONLY only where there is a record to use.  False:
 * the mail does not go there. */
bool dane_level(enum tls_level wanted, const struct dane *d,
                enum tls_level *level);

#endif
