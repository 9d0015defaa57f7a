/* relay.h - one line of control/smtproutes, and IP addresses in brackets
 *
 * Pure. */
#ifndef BASE_RELAY_H
#define BASE_RELAY_H

#include "base/buf.h"

enum { RELAY_HOST_MAX = 255, RELAY_DOMAIN_MAX = 255 };

/* "domain:host:port".  domain is a view into the line, without a dot at its
 * end; empty: all the rest; from a dot on: all below.  host is a name, or an
 * address as "[192.0.2.1]", "[2001:db8::1]"; empty: MX.  port is 0 for the
 * usual one. */
struct relay {
    struct view domain;
    struct buf host;
    unsigned port;
};

/* Reads a line into the empty r; false: why says what is wrong with it and
 * what would be right. */
bool relay_parse(struct relay *r, struct view line, struct buf *why);

void relay_free(struct relay *r);

/* Whether name may stand for a domain in a list of domains: any byte that a
 * domain of mail may have (RFC 6531 3.3 too), none that shows that something
 * else was meant (a blank, @, a colon outside of brackets). */
bool relay_isdomain(struct view name);

/* name without the one dot that may stand at a domain's end. */
struct view relay_withoutdot(struct view name);

/* Appends to host the IP address in text (also as "[...]", also with the
 * "IPv6:" of RFC 5321 4.1.3) in brackets and in the one form every writing
 * of it has; false, and nothing appended, if it is none. */
bool relay_literal(struct view text, struct buf *host);

#endif
