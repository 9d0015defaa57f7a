/* followup.h - Mail-Followup-To, for those who write to a mailing list
 *
 * Pure. */
#ifndef INJECT_FOLLOWUP_H
#define INJECT_FOLLOWUP_H

#include "base/conf.h"
#include "inject/qualify.h"

/* Appends a Mail-Followup-To of all addresses in To and Cc if one of them is
 * among lists (in any case of letters) and the section has no such field. */
void followup_print(struct buf *b, struct view section,
                    const struct qualify *names,
                    const struct conf_list *lists);

#endif
