/* rewrite.h - addresses of this host become those the world shall see
 *
 * For hosts that hand all mail to another.  The lists are control/canonical
 * and control/masquerade.  An address is rewritten once, by canonical and
 * then, as a sender, by masquerade.  Letters compare in any case.  Looking
 * up takes time in the length of the address and the logarithm of the number
 * of lines.  Pure. */
#ifndef BASE_REWRITE_H
#define BASE_REWRITE_H

#include "base/buf.h"
#include "base/conf.h"

struct rewrite_row;

/* {0}: nothing is rewritten. */
struct rewrite {
    struct rewrite_row *rows; /* owned, sorted */
    size_t count;
};

/* Fills the empty r.  Lines of canonical are
 *     address:address   this one becomes that
 *     @domain:@domain   so do all at a domain that have no line themselves
 * and of masquerade
 *     domain            hosts below domain lose their part
 *     !host             but not this one and what is below it
 * where the longest match counts; of two lines for one the last.
 *
 * 0, or -EINVAL, and r is empty again; why gets a line for each fault, such
 * as "control/canonical:2: 'ann' is no address or @domain". */
int rewrite_load(struct rewrite *r, const struct conf_list *canonical,
                 const struct conf_list *masquerade, struct buf *why);

/* Whether the kept address (base/addr.h) was changed, as a sender's or as a
 * recipient's.  One that would become longer than ADDRESS_MAX stays. */
bool rewrite_sender(const struct rewrite *r, struct buf *kept);
bool rewrite_rcpt(const struct rewrite *r, struct buf *kept);

void rewrite_free(struct rewrite *r);

#endif
