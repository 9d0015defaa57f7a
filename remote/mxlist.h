/* mxlist.h - MX records: read, ordered, cut (RFC 5321 5.1).  Pure. */
#ifndef REMOTE_MXLIST_H
#define REMOTE_MXLIST_H

#include "base/buf.h"

enum {
    MXLIST_MAX = 10,      /* hosts used of a domain */
    MXLIST_READ_MAX = 64, /* records looked at */
    MXLIST_NAME_MAX = 256,
};

struct mx_record {
    unsigned preference;
    uint32_t chance;            /* orders equal preferences */
    char name[MXLIST_NAME_MAX]; /* without final dot; "": the root */
};

/* Reads the data of a record; false if it is none, or its name holds what is
 * not in a host name. */
bool mxlist_read(struct mx_record *r, struct view rdata);

/* Whether the domain says that it takes no mail (RFC 7505 3). */
bool mxlist_null(const struct mx_record *list, size_t count);

/* Best first, equal preferences by chance; ours (any of own, which NULL ends,
 * or "localhost") and what is not better than ours is cut, so is the root.
 * How many are left, MXLIST_MAX at most. */
size_t mxlist_order(struct mx_record *list, size_t count,
                    const char *const *own);

#endif
