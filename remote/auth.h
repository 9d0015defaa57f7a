/* auth.h - users and secrets for relays, and proving them (RFC 4954)
 *
 * The setting `smtpauth`: lines HOST[:PORT]:USER:SECRET; `smtptoken`: the same
 * with the name of a token's file (token.h) for the secret.  No socket and no
 * clock; the mechanisms are libgsasl's, but for the two of tokens. */
#ifndef REMOTE_AUTH_H
#define REMOTE_AUTH_H

#include "base/conf.h"

enum { AUTH_STEPS_MAX = 10 };

struct auth_secret {
    struct view host, user, secret; /* borrowed from the list */
    unsigned port;                  /* 0: any */
    bool token;                     /* secret names a file, or is its token */
};

/* Reads control/smtpauth.  0 (none: an empty list), -EPERM if others than its
 * owner may read it, -EBADMSG if the line *line is none, or another negative
 * errno. */
int auth_load(struct conf_list *list, int controldir, size_t *line);

/* Reads control/smtptoken; -EBADMSG too for what is no file's name. */
int auth_load_tokens(struct conf_list *list, int controldir, size_t *line);

/* The user for a relay; false: none. */
bool auth_find(const struct conf_list *list, struct view host, unsigned port,
               struct auth_secret *s);

/* One proof. */
struct auth;

/* By the best mechanism among words ("PLAIN LOGIN") for a password or a token;
 * NULL: none that we know.  s is borrowed as long as it lives. */
struct auth *auth_new(const struct auth_secret *s, struct view words);
void auth_free(struct auth *a);

/* The mechanism; and whether it begins with words of ours. */
const char *auth_mechanism(const struct auth *a);
bool auth_begins(const struct auth *a);

/* Appends the answer to a challenge, both base64; the first where we begin is
 * empty.  False: it is no challenge, or proves the server an impostor. */
bool auth_step(struct auth *a, struct view challenge, struct buf *out);

/* Whether the mechanism is through: before that the server's word that all is
 * well counts for nothing. */
bool auth_done(const struct auth *a);

#endif
