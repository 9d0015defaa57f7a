/* secure.h - the TLS of a session, and whether it is what its policy asks
 *
 * No socket: bytes in, bytes out. */
#ifndef REMOTE_SECURE_H
#define REMOTE_SECURE_H

#include "base/tls.h"
#include "base/verdict.h"
#include "remote/dane.h"

enum {
    SECURE_WORDS_MAX = TLS_WORDS_MAX + 20,
    SECURE_OUT_MAX = 65536, /* bytes of its own that TLS may have waiting */
};

/* {0}: in clear. */
struct secure {
    struct tls *tls;       /* owned */
    struct dane dane;      /* owned; by the owner: what TLS_DANE_ONLY asks */
    enum tls_state state;
    struct buf plain;      /* what came, decrypted; the owner takes it */
    struct buf out;        /* encrypted, to be sent */
    struct buf sending;    /* encrypted, on its way */
    bool verified;         /* the other side is who the policy names */
    char words[SECURE_WORDS_MAX]; /* for reports: "/TLSv1.3/.../verified",
                                   * "dane", "unverified" */
};

/* Begins the handshake with host, "name[address]:port"; key: sessions of
 * equal keys, and equal TLSA records, may be resumed. */
void secure_start(struct secure *s, struct tls_context *context,
                  const struct tlspolicy *policy, const char *host,
                  const char *key);
void secure_free(struct secure *s);

/* Takes bytes of the other side; plain and out grow. */
void secure_take(struct secure *s, struct view bytes);

/* Adds bytes to out, encrypted. */
void secure_put(struct secure *s, struct view bytes);

/* Moves out to sending, which may be forgotten: it has been sent. */
struct view secure_next(struct secure *s);

/* What secure_next gave has been sent: its memory is given back. */
void secure_sent(struct secure *s);

/* After the handshake: whether the policy is content; if not, o is LATER. */
bool secure_check(struct secure *s, const struct tlspolicy *policy,
                  struct outcome *o);

#endif
