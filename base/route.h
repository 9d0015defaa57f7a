/* route.h - which channel serves an address, and by which host
 *
 * The lists are qmail's control/locals and control/smtproutes.  Pure: what
 * was loaded is not looked at again. */
#ifndef BASE_ROUTE_H
#define BASE_ROUTE_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/envelope.h"

enum channel_kind { CHANNEL_LOCAL, CHANNEL_REMOTE };

enum { ROUTE_HOST_MAX = 255 };

/* Where mail for an address goes.
 *
 * site is what concurrency and cool-down count by: the domain in small
 * letters for remote; for local the whole address in small letters, so that
 * one user's slow mailbox holds up nobody else.
 *
 * host is the relay: a name, or an address in brackets ("[192.0.2.1]",
 * "[2001:db8::1]"); empty: the MX hosts of site.  port is 0 for the usual
 * one.  An address literal (RFC 5321 4.1.3) for which no relay is set is its
 * own host. */
struct route {
    enum channel_kind channel;
    unsigned port;
    bool specific;      /* for this domain, not as for all the rest */
    unsigned bind;      /* by bind_route: the sender's line; 0: none */
    char host[ROUTE_HOST_MAX + 1];
    char site[ADDRESS_MAX + 1];
};

struct route_row;

/* {0} is empty: every domain goes to its MX hosts. */
struct routes {
    struct buf text;        /* names and hosts, one after the other */
    struct route_row *rows; /* owned; a hash table */
    size_t count;
    size_t room;
};

/* Fills the empty r.  locals NULL: me alone is local; smtproutes NULL: none.
 * A line of smtproutes is
 *     domain:relay:port    example.org and nothing below it
 *     .suffix:relay:port   all below suffix, not suffix itself
 *     :relay:port          all the rest
 * where port may be left out, and an empty relay means MX.  The longest match
 * rules; of two lines for one domain the last.  Upper and lower case are
 * alike, a dot at a domain's end does not count.
 *
 * 0, or -EINVAL, and r is empty again.  For each wrong line why gets a line
 * as "control/smtproutes:3: port 'x' is no number of 1 to 65535". */
int route_load(struct routes *r, const struct conf_list *locals,
               const struct conf_list *smtproutes, const char *me,
               struct buf *why);

/* Where mail for address (at most ADDRESS_MAX bytes) goes; never fails.  An
 * address without a domain is local.  Takes time in proportion to the
 * address, whatever the number of routes. */
void route_find(const struct routes *r, struct view address,
                struct route *out);

void route_free(struct routes *r);

#endif
