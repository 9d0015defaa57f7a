/* addrlist.h - the address grammar of the house: RFC 5321 4.1.2, RFC 5322 3.4
 *
 * Reads with tolerance: obsolete forms (RFC 5322 4.4), groups anywhere (RFC
 * 6854), UTF-8 (RFC 6532), dots anywhere in a local part (kept in quotes),
 * '@' and bytes of any character set in an unquoted display name, one dot
 * behind a domain, ';' as a comma.  What is kept of an address is told in
 * base/addr.h; whether its domain is one, addr_domain tells.  The time is
 * linear in the bytes.  Pure. */
#ifndef BASE_ADDRLIST_H
#define BASE_ADDRLIST_H

#include "base/buf.h"

/* Reads the address list of a header field's body or of an argument. */
struct addrlist {
    struct view in;   /* borrowed */
    size_t at;
    bool group;       /* inside "name: ... ;" */
    const char *why;  /* the fault, once addrlist_next answered -EINVAL */
};

/* One mailbox of a list; offsets count from the start of the list. */
struct addrlist_item {
    struct view phrase; /* the display name as written; empty: none */
    size_t start, end;  /* the bytes of the address alone */
    bool qualified;     /* has a domain */
    bool null;          /* "<>" */
    bool group;         /* member of a group */
};

void addrlist_open(struct addrlist *l, struct view list);

/* The next mailbox, its kept form replacing what is in kept (which may be
 * NULL).  1; 0 at the end; -EINVAL with l->why where the list cannot be
 * read.  Groups are walked through, empty ones have no item. */
int addrlist_next(struct addrlist *l, struct addrlist_item *item,
                  struct buf *kept);

/* Takes a path, '<' to '>', off *v, as it stands in SMTP commands: no blanks
 * or comments; a source route is read and dropped (RFC 5321 4.1.1.3).  Its
 * kept form is appended: nothing for "<>".  0, or -EINVAL with *why. */
int addrlist_path(struct view *v, struct buf *kept, const char **why);

#endif
