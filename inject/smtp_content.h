/* smtp_content.h - the bytes between DATA and the dot, for smtp_server alone
 *
 * RFC 5321 4.5.2, 2.3.8.  Pure. */
#ifndef INJECT_SMTP_CONTENT_H
#define INJECT_SMTP_CONTENT_H

#include "inject/smtp_server.h"

/* s->place once the dot was seen. */
enum { SMTP_CONTENT_ENDED = -1 };

void smtp_content_begin(struct smtp_server *s);

/* Takes bytes off *in and appends what they mean to s->content, at most about
 * 64 KiB at a time; s->spoiled tells why the message is refused, if it is.
 * True once the dot on its line was taken. */
bool smtp_content_take(struct smtp_server *s, struct view *in);

#endif
