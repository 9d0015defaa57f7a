#include "queue/chain.h"

#include <sodium.h>
#include <string.h>

#include "base/utf8.h"

static const int letters = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

static void
step(const struct chain *c, struct view text, unsigned char out[CHAIN_LEN])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, CHAIN_LEN);
    crypto_generichash_update(&state, c->hash, CHAIN_LEN);
    crypto_generichash_update(&state, (const unsigned char *)text.data,
                              text.len);
    crypto_generichash_final(&state, out, CHAIN_LEN);
}

void
chain_close(struct chain *c, struct buf *out, struct view text)
{
    char hash[CHAIN_TEXT + 1];

    step(c, text, c->hash);
    chain_print(c, hash);
    buf_addview(out, text);
    buf_add(out, " *", 2);
    buf_add(out, hash, CHAIN_TEXT);
    buf_addbyte(out, '\n');
}

bool
chain_check(struct chain *c, struct view line, struct view *text)
{
    unsigned char hash[CHAIN_LEN];
    struct chain said;

    if (line.len < CHAIN_CLOSE ||
        memcmp(line.data + line.len - CHAIN_CLOSE, " *", 2) != 0 ||
        !chain_parse(&said, view_from(line, line.len - CHAIN_TEXT)))
        return false;
    *text = view_make(line.data, line.len - CHAIN_CLOSE);
    step(c, *text, hash);
    if (memcmp(hash, said.hash, CHAIN_LEN) != 0)
        return false;
    *c = said;
    return true;
}

void
chain_print(const struct chain *c, char text[CHAIN_TEXT + 1])
{
    sodium_bin2base64(text, CHAIN_TEXT + 1, c->hash, CHAIN_LEN, letters);
}

bool
chain_parse(struct chain *c, struct view text)
{
    size_t len;

    /* libsodium takes every byte above 127 for a '_'. */
    return text.len == CHAIN_TEXT && utf8_ascii(text) &&
           sodium_base642bin(c->hash, CHAIN_LEN, text.data, text.len, NULL,
                             &len, NULL, letters) == 0 &&
           len == CHAIN_LEN;
}

static void
signed_bytes(const struct chain *c, uint64_t position,
             unsigned char out[CHAIN_LEN + 8])
{
    memcpy(out, c->hash, CHAIN_LEN);
    put_u64(out + CHAIN_LEN, position);
}

void
chain_sign(const struct chain *c, uint64_t position,
           const unsigned char *secret, char text[CHAIN_SIGNATURE + 1])
{
    unsigned char bytes[CHAIN_LEN + 8], sig[crypto_sign_BYTES];

    signed_bytes(c, position, bytes);
    crypto_sign_detached(sig, NULL, bytes, sizeof bytes, secret);
    sodium_bin2base64(text, CHAIN_SIGNATURE + 1, sig, sizeof sig, letters);
}

bool
chain_signed(const struct chain *c, uint64_t position,
             const unsigned char *public, struct view text)
{
    unsigned char bytes[CHAIN_LEN + 8], sig[crypto_sign_BYTES];
    size_t len;

    signed_bytes(c, position, bytes);
    return utf8_ascii(text) &&
           sodium_base642bin(sig, sizeof sig, text.data, text.len, NULL, &len,
                             NULL, letters) == 0 &&
           len == sizeof sig &&
           crypto_sign_verify_detached(sig, bytes, sizeof bytes, public) == 0;
}
