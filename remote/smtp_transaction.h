/* smtp_transaction.h - the parts of the dialogue
 *
 * Between the files smtp_*.c alone: each smtp_on_* takes the whole reply to
 * the stage of its name. */
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

/* The chunks of a content (RFC 3030).  smtp_go_chunk: all before them is
 * answered. */
void smtp_go_chunk(struct smtp_client *c);
void smtp_on_chunk(struct smtp_client *c);
void smtp_chunk_sent(struct smtp_client *c);
bool smtp_chunk_may_go(const struct smtp_client *c);

/* Whether chunks go out, but no answer is due. */
bool smtp_chunk_unasked(const struct smtp_client *c);

/* Begins AUTH; then the mail, if there is one. */
void smtp_start_auth(struct smtp_client *c);
void smtp_on_auth(struct smtp_client *c);
void smtp_begin_mail(struct smtp_client *c);

/* A verdict by the reply for what a 2yz would have let go on; o gets its
 * words. */
enum verdict smtp_judge(struct smtp_client *c, struct outcome *o);

/* Gives all that the server accepted o. */
void smtp_settle_accepted(struct smtp_client *c, const struct outcome *o);

/* The transaction is over, the connection is not. */
void smtp_finish(struct smtp_client *c);

/* The connection ends by this reply: LATER for what is open. */
void smtp_fail_by_reply(struct smtp_client *c);

/* How a stage is named beside a reply: "RCPT". */
const char *smtp_stage_word(enum smtp_stage stage);

#endif
