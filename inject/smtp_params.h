/* smtp_params.h - what follows the path in MAIL and RCPT commands
 *
 * Pure. */
#ifndef INJECT_SMTP_PARAMS_H
#define INJECT_SMTP_PARAMS_H

#include <stdint.h>

#include "base/verdict.h"

/* Views into the line that was parsed. */
struct smtp_params {
    uint64_t size;      /* MAIL SIZE=, RFC 1870; 0: not said */
    uint8_t body;       /* MAIL BODY=, BODY_* */
    uint8_t ret;        /* MAIL RET=, RET_* */
    uint8_t notify;     /* RCPT NOTIFY=, NOTIFY_* */
    bool smtputf8;      /* MAIL SMTPUTF8, RFC 6531 */
    struct view envid;  /* MAIL ENVID=, xtext */
    struct view orcpt;  /* RCPT ORCPT=, as given */
};

enum { SMTP_PARAMS_MAIL, SMTP_PARAMS_RCPT };

/* Reads " KEY=VALUE KEY ..." of a MAIL or RCPT command; offers are SMTP_*
 * bits (base/smtp.h): what was not offered is unknown.  DONE, or NEVER with
 * o ("5.5.4"). */
enum verdict smtp_params_read(struct smtp_params *p, struct view rest,
                              int command, uint32_t offers,
                              struct outcome *o);

/* RFC 3461 4.1: "NEVER", or some of SUCCESS, FAILURE, DELAY with commas. */
bool smtp_params_notify(struct view value, uint8_t *notify);

/* RFC 3461 4: printable, '+' and '=' only as "+HH". */
bool smtp_params_xtext(struct view value);

#endif
