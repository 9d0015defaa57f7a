/* smtp_command.h - the commands of a mail, as bytes.  Pure. */
#ifndef REMOTE_SMTP_COMMAND_H
#define REMOTE_SMTP_COMMAND_H

#include "base/job.h"

/* MAIL FROM with the parameters that job needs and extensions (SMTP_*)
 * allow: SIZE, BODY, SMTPUTF8, RET, ENVID.  utf8: an address needs it. */
void smtp_command_mail(struct buf *out, const struct job *job,
                       uint32_t extensions, bool utf8);

/* RCPT TO with NOTIFY and ORCPT (RFC 3461 4). */
void smtp_command_rcpt(struct buf *out, const struct job_rcpt *rcpt,
                       uint32_t extensions);

#endif
