/* smtp_transaction.h - from MAIL to the answer to the final dot
 *
 * The part of the dialogue that decides over recipients.  For smtp_client.c
 * alone: each smtp_on_* takes the whole reply to the stage of its name. */
#ifndef REMOTE_SMTP_TRANSACTION_H
#define REMOTE_SMTP_TRANSACTION_H

#include "remote/smtp_client.h"

/* Settles what does not fit the server, and begins with the rest; without a
 * rest the client is ready again. */
void smtp_start_mail(struct smtp_client *c);

void smtp_on_rset(struct smtp_client *c);
void smtp_on_mail(struct smtp_client *c);
void smtp_on_rcpt(struct smtp_client *c);
void smtp_on_data(struct smtp_client *c);
void smtp_on_dot(struct smtp_client *c);
void smtp_on_lonedot(struct smtp_client *c);

/* The connection ends by this reply: LATER for what is open. */
void smtp_fail_by_reply(struct smtp_client *c);

/* How a stage is named beside a reply: "RCPT". */
const char *smtp_stage_word(enum smtp_stage stage);

#endif
