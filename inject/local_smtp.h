/* local_smtp.h - sendmail -bs: SMTP on standard input and output
 *
 * For a caller on this host, who may give any sender and any recipient; a
 * message's header is completed as sendmail does. */
#ifndef INJECT_LOCAL_SMTP_H
#define INJECT_LOCAL_SMTP_H

#include "inject/facts.h"

/* Serves until the caller hangs up.  An exit code of sysexits.h: EX_TEMPFAIL
 * if it did so within a transaction. */
int local_smtp_run(const struct facts *facts);

#endif
