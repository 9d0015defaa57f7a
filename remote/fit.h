/* fit.h - what of a job SMTP, or this server, cannot carry
 *
 * Pure; one table of rules. */
#ifndef REMOTE_FIT_H
#define REMOTE_FIT_H

#include "base/job.h"

/* All extensions at once: asks what no server could carry for us. */
#define FIT_ANY UINT32_MAX

/* Whether a message of these facts (JOB_*) travels with these extensions
 * (SMTP_*); if not, o is NEVER with the rule's code and words. */
bool fit_content(uint32_t flags, uint32_t extensions, struct outcome *o);

/* Whether it travels only converted (remote/convert.h): by what no server
 * takes, or this one does not. */
bool fit_convert(uint32_t flags, uint32_t extensions);

/* The same for the server's SIZE limit, 0 for none (RFC 1870 3). */
bool fit_size(uint64_t length, uint64_t limit, struct outcome *o);

/* Whether address can stand between < and > of a command: no control byte,
 * and no blank or angle bracket outside quotes, so that it can end neither
 * the line nor the argument (RFC 5321 4.1.2).  Empty does. */
bool fit_address(struct view address);

/* Whether address needs SMTPUTF8 (RFC 6531 3.3). */
bool fit_needs_utf8(struct view address);

/* Whether a value is a parameter's: printable ASCII without '=' and blanks,
 * neither empty nor longer than max (RFC 5321 4.1.2, esmtp-value). */
bool fit_parameter(struct view value, size_t max);

#endif
