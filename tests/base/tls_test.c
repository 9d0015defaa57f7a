#include "base/tls.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

/* The other side: a server with a certificate of its own. */
struct server {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
    struct buf heard;
};

static void
server_start(struct server *s, int version)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();

    X509_set_pubkey(x, key);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 60);
    X509_sign(x, key, EVP_sha256());
    *s = (struct server){.context = SSL_CTX_new(TLS_server_method())};
    SSL_CTX_set_max_proto_version(s->context, version);
    if (SSL_CTX_use_certificate(s->context, x) != 1 ||
        SSL_CTX_use_PrivateKey(s->context, key) != 1)
        abort();
    s->ssl = SSL_new(s->context);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    SSL_set_bio(s->ssl, s->in, s->out);
    SSL_set_accept_state(s->ssl);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void
server_free(struct server *s)
{
    SSL_free(s->ssl);
    SSL_CTX_free(s->context);
    buf_free(&s->heard);
}

/* Takes what the client sent, and what is in it. */
static void
server_hear(struct server *s, struct buf *wire)
{
    char piece[4096];
    int n;

    if (wire->len)
        BIO_write(s->in, wire->data, (int)wire->len);
    buf_clear(wire);
    SSL_do_handshake(s->ssl);
    while ((n = SSL_read(s->ssl, piece, sizeof piece)) > 0)
        buf_add(&s->heard, piece, (size_t)n);
}

/* What the server says goes to the client, whose answer stays in wire. */
static enum tls_state
client_hear(struct tls *t, struct server *s, struct buf *wire)
{
    struct buf plain = {0};
    enum tls_state state;
    char *data;
    long n = BIO_get_mem_data(s->out, &data);

    state = tls_feed(t, view_make(data, (size_t)n), &plain, wire);
    (void)BIO_reset(s->out);
    buf_free(&plain);
    return state;
}

/* Pieces with something between them that the server begins: whether all
 * arrived; *end is how it ended. */
static bool
goes_on(int version, bool (*begin)(SSL *ssl), enum tls_state *end)
{
    struct tls_context *context = tls_context_new(NULL);
    struct tls *t = tls_new(context, "mx.test", "key");
    struct server s;
    struct buf wire = {0};
    enum tls_state state;
    bool whole;

    server_start(&s, version);
    for (int i = 0; i < 3; i++) {
        client_hear(t, &s, &wire);
        server_hear(&s, &wire);
    }
    state = tls_send(t, view_of("one "), &wire);
    server_hear(&s, &wire);
    if (!begin(s.ssl))
        abort();
    if (state == TLS_OPEN)
        state = client_hear(t, &s, &wire);
    if (state == TLS_OPEN)
        state = tls_send(t, view_of("two "), &wire);
    for (int i = 0; i < 3; i++) {
        server_hear(&s, &wire);
        if (state == TLS_OPEN)
            state = client_hear(t, &s, &wire);
    }
    if (state == TLS_OPEN)
        state = tls_send(t, view_of("three"), &wire);
    server_hear(&s, &wire);
    whole = view_is(buf_view(&s.heard), "one two three");
    *end = state;
    buf_free(&wire);
    server_free(&s);
    tls_free(t);
    tls_context_free(context);
    return whole;
}

static bool
renegotiate(SSL *ssl)
{
    return SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1;
}

static bool
new_keys(SSL *ssl)
{
    return SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 &&
           SSL_do_handshake(ssl) == 1;
}

/* Before anything else here asks for OpenSSL. */
static bool
shown_later(void)
{
    struct tls_context *c;
    bool shown;

    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("OPENSSL_CONF", "/dev/null", 1);
    if (!(c = tls_context_later()))
        abort();
    shown = tls_context_show(c, "/nonexistent", "/nonexistent");
    tls_context_free(c);
    return shown;
}

int
main(void)
{
    enum tls_state end;

    ok(!shown_later(), "a certificate that cannot be read is no crash where "
                       "TLS waits for the first connection");
    ok(goes_on(TLS1_3_VERSION, new_keys, &end),
       "keys may change in the middle of what is sent (TLS 1.3)");
    ok(goes_on(TLS1_2_VERSION, renegotiate, &end) || end == TLS_FAILED,
       "a new handshake there leaves no hole (TLS 1.2)");
    return tap_end();
}
