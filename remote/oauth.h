/* oauth.h - what a client says that has a token instead of a password
 *
 * Pure.  Each is one line of base64. */
#ifndef REMOTE_OAUTH_H
#define REMOTE_OAUTH_H

#include "remote/auth.h"

/* OAUTHBEARER: RFC 7628 3.1. */
void oauth_bearer(const struct auth_secret *s, struct buf *out);

/* XOAUTH2, which came before it. */
void oauth_xoauth2(const struct auth_secret *s, struct buf *out);

#endif
