#include "base/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tls_later.h"
#include "base/trust.h"

enum {
    SLOTS = 512,  /* sessions kept to be resumed */
    PIECE = 4096,
    TRIAL = 10,   /* seconds */
};

struct slot {
    char *key;            /* owned; NULL: empty */
    SSL_SESSION *session; /* owned */
};

struct tls_context {
    SSL_CTX *ssl;           /* NULL: not made yet */
    struct tls_later later;
    struct slot slots[SLOTS];
};

struct tls {
    struct tls_context *context; /* borrowed */
    SSL *ssl;
    BIO *in, *out;               /* of ssl */
    char *key;                   /* owned */
    bool dane, records;          /* TLSA records are to say; there is one */
    char error[120];
};

static struct slot *
slot_of(struct tls_context *c, const char *key)
{
    uint32_t hash = 2166136261u;

    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return &c->slots[hash % SLOTS];
}

static void
slot_clear(struct slot *s)
{
    SSL_SESSION_free(s->session);
    free(s->key);
    *s = (struct slot){0};
}

/* A session that may be resumed; 1: we keep it. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls *t = SSL_get_app_data(ssl);
    struct slot *s = slot_of(t->context, t->key);

    slot_clear(s);
    s->key = mem_string(t->key);
    s->session = session;
    return 1;
}

static bool
make(struct tls_context *c, const char *ca)
{
    if (!(c->ssl = SSL_CTX_new(TLS_client_method())) ||
        !SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION) ||
        SSL_CTX_dane_enable(c->ssl) <= 0 ||
        (ca && !SSL_CTX_load_verify_file(c->ssl, ca)))
        return false;
    SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
    /* Who the other side is was asked once; and nothing could be sent before
     * the end of another handshake. */
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT |
                                               SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c->ssl, on_session);
    return true;
}

struct tls_context *
tls_context_new(const char *ca)
{
    struct tls_context *c = mem_alloc(sizeof *c);
    struct buf trusted = {0};

    if (!make(c, ca)) {
        tls_context_free(c);
        return NULL;
    }
    /* Mail leaves without them too; no host verifies then. */
    if (!ca && !trust_read(&trusted))
        log_event("tls why=\"this system has no certificates to trust\" "
                  "then=\"no host verifies: install ca-certificates\"");
    trust_add(SSL_CTX_get_cert_store(c->ssl), &trusted);
    buf_free(&trusted);
    return c;
}

static bool
make_now(void *data)
{
    struct tls_context *c = data;

    if (!tls_later_config(&c->later) || !make(c, NULL))
        return false;
    trust_add(SSL_CTX_get_cert_store(c->ssl), &c->later.trusted);
    tls_later_free(&c->later);
    return true;
}

struct tls_context *
tls_context_later(void)
{
    struct tls_context *c = mem_alloc(sizeof *c);

    if (tls_later_read(&c->later) && tls_later_rehearse(make_now, c, TRIAL))
        return c;
    tls_context_free(c);
    return NULL;
}

void
tls_context_free(struct tls_context *c)
{
    if (!c)
        return;
    for (int i = 0; i < SLOTS; i++)
        slot_clear(&c->slots[i]);
    tls_later_free(&c->later);
    SSL_CTX_free(c->ssl);
    free(c);
}

/* A key with a passphrase is none: nobody is there to be asked for it. */
static int
no_passphrase(char *data, int size, int writing, void *arg)
{
    (void)data, (void)size, (void)writing, (void)arg;
    return -1;
}

bool
tls_context_show(struct tls_context *c, const char *certificate,
                 const char *key)
{
    if (!c->ssl && !make_now(c))
        return false;
    SSL_CTX_set_default_passwd_cb(c->ssl, no_passphrase);
    return SSL_CTX_use_certificate_chain_file(c->ssl, certificate) == 1 &&
           SSL_CTX_use_PrivateKey_file(c->ssl, key, SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_check_private_key(c->ssl) == 1;
}

static bool
is_address(const char *name)
{
    unsigned char address[16];

    return inet_pton(AF_INET, name, address) == 1 ||
           inet_pton(AF_INET6, name, address) == 1;
}

void
tls_accept_name(struct tls *t, const char *name, bool instead)
{
    if (instead)
        SSL_set1_host(t->ssl, name);
    else
        SSL_add1_host(t->ssl, name);
}

struct tls *
tls_new(struct tls_context *c, const char *name, const char *key)
{
    struct tls *t = mem_alloc(sizeof *t);
    struct slot *slot = slot_of(c, key);

    if (!c->ssl && !make_now(c))
        log_die("fatal why=%s", "TLS could be set up, and cannot now");
    t->context = c;
    t->key = mem_string(key);
    t->ssl = SSL_new(c->ssl);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out)
        abort(); /* no memory, as mem.h has it */
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_app_data(t->ssl, t);
    SSL_set_connect_state(t->ssl);
    SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(t->ssl, name);
    /* RFC 6066 3: no literal addresses. */
    if (!is_address(name))
        SSL_set_tlsext_host_name(t->ssl, name);
    if (slot->key && strcmp(slot->key, key) == 0)
        SSL_set_session(t->ssl, slot->session);
    return t;
}

void
tls_dane(struct tls *t, const char *base)
{
    if (SSL_dane_enable(t->ssl, base) <= 0)
        abort(); /* no memory, as mem.h has it */
    SSL_dane_set_flags(t->ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    t->dane = true;
}

bool
tls_dane_record(struct tls *t, struct view record)
{
    const unsigned char *p = (const unsigned char *)record.data;

    return record.len > 3 &&
           SSL_dane_tlsa_add(t->ssl, p[0], p[1], p[2], p + 3,
                             record.len - 3) > 0 &&
           (t->records = true);
}

void
tls_free(struct tls *t)
{
    if (!t)
        return;
    /* Else OpenSSL takes the session for broken, and resumes it no more. */
    if (!*t->error)
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    free(t->key);
    free(t);
}

static void
take_out(struct tls *t, struct buf *out)
{
    char *data;
    long len = BIO_get_mem_data(t->out, &data);

    if (len > 0)
        buf_add(out, data, (size_t)len);
    if (len <= PIECE) {
        (void)BIO_reset(t->out);
        return;
    }
    /* It would keep the memory of its largest moment. */
    if (!(t->out = BIO_new(BIO_s_mem())))
        abort();
    SSL_set0_wbio(t->ssl, t->out);
}

/* What an SSL_* that returned r means. */
static enum tls_state
judge(struct tls *t, int r)
{
    unsigned long e;

    switch (SSL_get_error(t->ssl, r)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return SSL_is_init_finished(t->ssl) ? TLS_OPEN : TLS_HANDSHAKE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        e = ERR_get_error();
        snprintf(t->error, sizeof t->error, "%s",
                 e && ERR_reason_error_string(e) ? ERR_reason_error_string(e)
                                                 : "broken off");
        return TLS_FAILED;
    }
}

enum tls_state
tls_feed(struct tls *t, struct view in, struct buf *plain, struct buf *out)
{
    enum tls_state state = TLS_OPEN;
    char piece[PIECE];
    int r;

    /* The queue of errors belongs to the thread, not to the connection. */
    ERR_clear_error();
    if (in.len)
        BIO_write(t->in, in.data, (int)in.len);
    if (!SSL_is_init_finished(t->ssl) && (r = SSL_do_handshake(t->ssl)) != 1)
        state = judge(t, r);
    while (state == TLS_OPEN) {
        ERR_clear_error();
        if ((r = SSL_read(t->ssl, piece, sizeof piece)) <= 0) {
            state = judge(t, r);
            break;
        }
        buf_add(plain, piece, (size_t)r);
    }
    take_out(t, out);
    return state;
}

enum tls_state
tls_send(struct tls *t, struct view plain, struct buf *out)
{
    enum tls_state state = TLS_OPEN;
    int r;

    ERR_clear_error();
    /* What was not taken is not kept: the mail would have a hole. */
    if (plain.len &&
        (r = SSL_write(t->ssl, plain.data, (int)plain.len)) <= 0 &&
        (state = judge(t, r)) != TLS_FAILED) {
        snprintf(t->error, sizeof t->error, "nothing can be sent now");
        state = TLS_FAILED;
    }
    take_out(t, out);
    return state;
}

const char *
tls_error(const struct tls *t)
{
    return t->error;
}

bool
tls_verified(const struct tls *t, const char **why)
{
    long r = SSL_get_verify_result(t->ssl);

    *why = X509_verify_cert_error_string(r);
    if (!SSL_get0_peer_certificate(t->ssl))
        *why = "no certificate";
    else if (t->dane && !t->records)
        *why = "no TLSA record"; /* OpenSSL would ask the authorities */
    else
        return r == X509_V_OK;
    return false;
}

bool
tls_fingerprint(const struct tls *t, unsigned char sum[TLS_FINGERPRINT])
{
    X509 *certificate = SSL_get0_peer_certificate(t->ssl);

    return certificate && X509_digest(certificate, EVP_sha256(), sum, NULL);
}

void
tls_words(const struct tls *t, char words[TLS_WORDS_MAX])
{
    snprintf(words, TLS_WORDS_MAX, "%s/%s", SSL_get_version(t->ssl),
             SSL_get_cipher_name(t->ssl));
}

bool
tls_resumed(const struct tls *t)
{
    return SSL_session_reused(t->ssl);
}
