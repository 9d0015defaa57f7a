/* rate.h - how many messages a site gets in a minute or an hour
 *
 * The setting `siterate`: lines DOMAIN:COUNT/m or DOMAIN:COUNT/h; a domain
 * that begins with a dot is all below it, an empty one all the rest; the
 * longest match counts, of two lines for one domain the last.  Pure. */
#ifndef QUEUE_RATE_H
#define QUEUE_RATE_H

#include <stdint.h>

#include "base/conf.h"

enum { RATE_COUNT_MAX = 1000000 };

/* 0, or -EINVAL and for each wrong line one in why. */
int rate_check(const struct conf_list *list, struct buf *why);

/* Microseconds from one message for a domain to the next; 0: no limit.  Wrong
 * lines do not count. */
uint64_t rate_gap(const struct conf_list *list, struct view domain);

#endif
