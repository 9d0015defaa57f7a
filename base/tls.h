/* tls.h - TLS (OpenSSL 3) between byte buffers: no socket, no loop
 *
 * The client's side, TLS 1.2 and later.  Whoever the other side is, the
 * handshake goes on; what is known of it afterwards is asked for, so that
 * the caller's policy decides. */
#ifndef BASE_TLS_H
#define BASE_TLS_H

#include "base/buf.h"

enum {
    TLS_FINGERPRINT = 32, /* bytes of a SHA-256 */
    TLS_WORDS_MAX = 100,
};

/* What all connections share: trusted certificates, sessions to resume. */
struct tls_context;

/* Trusts the certificates in the file ca, or where it is NULL those of the
 * system.  NULL: it could not be set up, or ca be read. */
struct tls_context *tls_context_new(const char *ca);

/* The same with the system's certificates, made when the first connection
 * wants it: nothing but memory is asked for then.  Call it before anything
 * else of OpenSSL, and while there are no threads.  NULL: files would have to
 * be opened, or it fails; tls_context_new tells. */
struct tls_context *tls_context_later(void);

void tls_context_free(struct tls_context *c);

/* Shows whoever asks for one the certificate (and those behind it) in the file
 * certificate, which is for key; tls_context_later's is made for that.  False:
 * they cannot be read, or do not belong together. */
bool tls_context_show(struct tls_context *c, const char *certificate,
                      const char *key);

enum tls_state {
    TLS_HANDSHAKE, /* goes on: needs bytes of the other side */
    TLS_OPEN,
    TLS_CLOSED,    /* the other side has ended it */
    TLS_FAILED,    /* see tls_error */
};

struct tls;

/* A connection.  name is asked for by SNI unless it is an address, and is
 * what the certificate has to be for.  The last session of an equal key is
 * resumed. */
struct tls *tls_new(struct tls_context *c, const char *name, const char *key);
void tls_free(struct tls *t);

/* One more name that the certificate may be for; instead: the only one so
 * far. */
void tls_accept_name(struct tls *t, const char *name, bool instead);

/* Before the first tls_feed: who the other side is, TLSA records are to say
 * (RFC 6698, 7671) and nobody else; base: what they stand below,
 * and the one name that the certificate may be for so far.  With usage
 * DANE-EE neither names nor dates count. */
void tls_dane(struct tls *t, const char *base);

/* One more record, as its data is in the DNS; false: it cannot be used. */
bool tls_dane_record(struct tls *t, struct view record);

/* Takes what came from the other side (at first nothing), appends to plain
 * what it means and to out what has to be sent. */
enum tls_state tls_feed(struct tls *t, struct view in, struct buf *plain,
                        struct buf *out);

/* Appends plain to out, encrypted; only while TLS_OPEN.  All of it, or it is
 * TLS_FAILED. */
enum tls_state tls_send(struct tls *t, struct view plain, struct buf *out);

/* Why it failed. */
const char *tls_error(const struct tls *t);

/* Whether the certificate was issued by somebody trusted, is in its time and
 * for one of the names; if not, why says what is amiss. */
bool tls_verified(const struct tls *t, const char **why);

/* The SHA-256 of the other side's certificate; false if it showed none. */
bool tls_fingerprint(const struct tls *t,
                     unsigned char sum[TLS_FINGERPRINT]);

/* "TLSv1.3/TLS_AES_256_GCM_SHA384", and whether a session was resumed. */
void tls_words(const struct tls *t, char words[TLS_WORDS_MAX]);
bool tls_resumed(const struct tls *t);

#endif
