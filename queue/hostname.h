/* hostname.h - what this host is called */
#ifndef QUEUE_HOSTNAME_H
#define QUEUE_HOSTNAME_H

#include <stdbool.h>

/* The fully qualified name of this host, or what uname says if there is
 * none; owned by the caller.  May ask the DNS, which may take seconds. */
char *hostname_full(void);

/* Whether name has the form of a domain name (RFC 5321 4.1.2, RFC 1034
 * 3.5): letters, digits, hyphens and dots, at most 255 bytes. */
bool hostname_valid(const char *name);

#endif
