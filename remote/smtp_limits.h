/* smtp_limits.h - how much a server takes in one session (RFC 9422)
 *
 * Pure. */
#ifndef REMOTE_SMTP_LIMITS_H
#define REMOTE_SMTP_LIMITS_H

#include "base/buf.h"

enum { SMTP_LIMITS_DOMAINS = 100 }; /* kept at most, whatever the server says */

/* {0}: no limits, nothing used. */
struct smtp_limits {
    uint64_t mails, rcpts, domains; /* MAILMAX, RCPTMAX, RCPTDOMAINMAX; 0: no
                                       limit */
    unsigned mails_used;
    unsigned domains_used;
    struct buf names;               /* of the domains, each with an LF */
};

/* The argument of LIMITS in place of what was said before. */
void smtp_limits_read(struct smtp_limits *l, struct view argument);

/* Notes the address's domain as used; false: there is no room for it. */
bool smtp_limits_domain(struct smtp_limits *l, struct view address);

void smtp_limits_free(struct smtp_limits *l);

#endif
