#include "remote/oauth.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/mem.h"

static void
add_base64(struct buf *out, struct buf *text)
{
    size_t size = sodium_base64_encoded_len(text->len,
                                            sodium_base64_VARIANT_ORIGINAL);
    char *encoded = mem_alloc(size);

    sodium_bin2base64(encoded, size, (unsigned char *)text->data, text->len,
                      sodium_base64_VARIANT_ORIGINAL);
    buf_addstr(out, encoded);
    sodium_memzero(encoded, size);
    sodium_memzero(text->data, text->len);
    free(encoded);
    buf_free(text);
}

/* The two bytes that have a meaning there (RFC 5801 4). */
static void
add_name(struct buf *text, struct view name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] == ',' || name.data[i] == '=')
            buf_addstr(text, name.data[i] == ',' ? "=2C" : "=3D");
        else
            buf_addbyte(text, name.data[i]);
}

static void
add_token(struct buf *text, const struct auth_secret *s)
{
    buf_addstr(text, "\1auth=Bearer ");
    buf_addview(text, s->secret);
    buf_addstr(text, "\1\1");
}

void
oauth_bearer(const struct auth_secret *s, struct buf *out)
{
    struct buf text = {0};

    buf_addstr(&text, "n,a=");
    add_name(&text, s->user);
    buf_addstr(&text, ",\1host=");
    buf_addview(&text, s->host);
    if (s->port)
        buf_print(&text, "\1port=%u", s->port);
    add_token(&text, s);
    add_base64(out, &text);
}

void
oauth_xoauth2(const struct auth_secret *s, struct buf *out)
{
    struct buf text = {0};

    buf_addstr(&text, "user=");
    buf_addview(&text, s->user);
    add_token(&text, s);
    add_base64(out, &text);
}
