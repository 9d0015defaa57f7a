/* idna.h - domain names as the DNS and certificates have them.  Pure. */
#ifndef REMOTE_IDNA_H
#define REMOTE_IDNA_H

#include "base/buf.h"

enum { IDNA_NAME_MAX = 256 };

/* The name with A-labels in the place of its U-labels (RFC 5890 2.3.2.1,
 * UTS 46 without transition); one of ASCII as it is, a dot at the start
 * stays.  False, and why, if it is too long or no such name. */
bool idna_ascii(struct view name, char ascii[IDNA_NAME_MAX],
                const char **why);

#endif
