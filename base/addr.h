/* addr.h - the form in which the house keeps addresses
 *
 * A *kept* address is the form in envelopes, queue files and logs: an RFC
 * 5321 4.1.2 Mailbox without comments, folds and routes, its local part
 * quoted only where it must be, so that equal addresses are equal bytes.  It
 * has no control characters, and bytes above 127 are UTF-8 (RFC 6531).  An
 * unqualified one has no '@' and no domain.  base/addrlist.h reads what
 * people write into it.  Pure. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/buf.h"

enum {
    ADDR_DOMAIN_MAX = 255, /* RFC 5321 4.5.3.1.2 */
    ADDR_LABEL_MAX = 63,   /* RFC 1035 2.3.4 */
};

/* Whether domain can stand in an envelope (RFC 5321 4.1.2): dotted letters,
 * digits, '-', '_' and UTF-8, or a literal with an address that is one. */
bool addr_domain(struct view domain, const char **why);

/* A kept address in two parts; domain is empty for an unqualified one. */
void addr_split(struct view kept, struct view *local, struct view *domain);

/* Appends a local part as the user's name it means: without quotes. */
void addr_unquote(struct buf *b, struct view local);

/* Appends a name as a kept local part: with quotes if it needs them. */
void addr_quote(struct buf *b, struct view name);

/* The length of the word at the start of v: RFC 5322 3.2.3 atext and every
 * byte above 127, for a display name may be in an old character set; in
 * addresses addr_unclean judges. */
size_t addr_atext(struct view v);

/* Whether v stands in no address: a control character, or not UTF-8. */
bool addr_unclean(struct view v);

#endif
