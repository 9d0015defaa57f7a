/* bind.h - as whom mail leaves, by its sender
 *
 * The setting `bindroutes`: lines
 *     SENDER:SOURCE,SOURCE:HELO:RELAY:PORT
 * where SENDER is an address, a domain, .suffix (all below it) or empty (all
 * the rest; it alone has bounces), SOURCE an IPv4 address or an IPv6 one in
 * brackets, at most one of each; what stands at the end may be left out, and
 * each field may be empty.  The longest match counts, of two lines for one
 * sender the last.  Pure. */
#ifndef BASE_BIND_H
#define BASE_BIND_H

#include <netinet/in.h>

#include "base/conf.h"
#include "base/route.h"

enum { BIND_HELO_MAX = 255 }; /* RFC 5321 4.5.3.1.2 */

struct bind_row {
    char *sender;           /* owned */
    char v4[INET_ADDRSTRLEN], v6[INET6_ADDRSTRLEN]; /* empty: none */
    char helo[BIND_HELO_MAX + 1];                   /* empty: as always */
    char relay[ROUTE_HOST_MAX + 1];                 /* the same */
    unsigned port;
};

/* {0} is empty. */
struct binds {
    struct bind_row *rows;  /* owned */
    size_t count;
};

/* 0; -EINVAL and a line in why for each wrong one, and b is empty. */
int bind_load(struct binds *b, const struct conf_list *list, struct buf *why);

/* The row for a sender; NULL: none. */
const struct bind_row *bind_find(const struct binds *b, struct view sender);

/* The route of mail by that sender: its relay takes the place of the MX hosts
 * and of the relay for all the rest, not of one for the recipient's domain. */
void bind_route(const struct binds *b, struct view sender,
                struct route *route);

void bind_free(struct binds *b);

#endif
