/* qualify.h - an address that names no full domain is completed
 *
 * qmail's rules: without a domain it gets defaulthost; a host that ends in
 * '+' gets plusdomain in its place; a host without a dot gets defaultdomain.
 * "localhost" is complete, and in envelopes it means me.  Pure. */
#ifndef INJECT_QUALIFY_H
#define INJECT_QUALIFY_H

#include "base/buf.h"

/* Names of this host; me and defaulthost are never empty, the others may be.
 * Borrowed strings. */
struct qualify {
    const char *me;
    const char *defaulthost;
    const char *defaultdomain;
    const char *plusdomain;
};

/* What completes a kept address where it is written: drop bytes go from its
 * end, then come the bytes appended to more. */
void qualify_edit(const struct qualify *q, struct view kept, size_t *drop,
                  struct buf *more);

/* Completes a kept address for an envelope.  0, or -EINVAL with *why if it
 * then is none or is longer than ADDRESS_MAX. */
int qualify_address(const struct qualify *q, struct buf *kept,
                    const char **why);

#endif
