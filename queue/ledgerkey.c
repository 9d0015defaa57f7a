#include "queue/ledgerkey.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#include "base/file.h"
#include "queue/instance.h"

enum {
    SECRET_LEN = crypto_sign_SECRETKEYBYTES,
    PUBLIC_LEN = crypto_sign_PUBLICKEYBYTES,
    KEY_FILE_MAX = 4096,
};

/* 0, -ENOENT, -EBADMSG if the file is no key of len bytes, or an errno. */
static int
load(int dir, const char *name, unsigned char *key, size_t len)
{
    struct buf text = {0};
    struct view rest, line = {"", 0};
    size_t got = 0;
    int r = file_read(dir, name, KEY_FILE_MAX, &text);

    if (r == 0) {
        rest = buf_view(&text);
        view_line(&rest, &line);
        line = view_trim(line);
        if (line.len != 2 * len ||
            sodium_hex2bin(key, len, line.data, line.len, NULL, &got,
                           NULL) != 0 || got != len)
            r = -EBADMSG;
    }
    if (text.data)
        sodium_memzero(text.data, text.cap);
    buf_free(&text);
    return r;
}

static int
store(int dir, const char *name, const unsigned char *key, size_t len,
      mode_t mode)
{
    char hex[2 * SECRET_LEN + 2];
    struct buf left = {0};
    int r;

    sodium_bin2hex(hex, sizeof hex, key, len);
    strcat(hex, "\n");
    /* What a crash left cannot be written again: its mode is read-only. */
    buf_print(&left, "%s.new", name);
    if ((r = file_remove(dir, left.data)) == 0)
        r = file_replace(dir, name, view_of(hex), mode);
    sodium_memzero(hex, sizeof hex);
    buf_free(&left);
    return r;
}

static int
complete(int dir, unsigned *made, const char **why)
{
    unsigned char secret[SECRET_LEN], public[PUBLIC_LEN], derived[PUBLIC_LEN];
    int r = load(dir, INSTANCE_KEY, secret, sizeof secret);
    int rpub = load(dir, INSTANCE_PUBKEY, public, sizeof public);

    *why = "";
    if (r == -ENOENT && rpub == -ENOENT) {
        crypto_sign_keypair(derived, secret);
        *made |= LEDGERKEY_MADE_SECRET;
        r = store(dir, INSTANCE_KEY, secret, sizeof secret, 0400);
    } else if (r == -ENOENT) {
        *why = INSTANCE_KEY " is missing but " INSTANCE_PUBKEY " is there; "
               "put the key back, or move " INSTANCE_PUBKEY " away and "
               "begin with new ones";
        r = -EBADMSG;
    } else if (r == 0) {
        crypto_sign_ed25519_sk_to_pk(derived, secret);
    } else if (r == -EBADMSG) {
        *why = INSTANCE_KEY " is not a key of 128 hexadecimal digits; put "
               "the right one back";
    }
    if (r == 0 && rpub == -ENOENT) {
        *made |= LEDGERKEY_MADE_PUBLIC;
        r = store(dir, INSTANCE_PUBKEY, derived, sizeof derived, 0444);
    } else if (r == 0 && (rpub == -EBADMSG ||
                          (rpub == 0 &&
                           memcmp(public, derived, PUBLIC_LEN) != 0))) {
        *why = INSTANCE_PUBKEY " does not belong to " INSTANCE_KEY
               "; put the right one back, or remove it to have it made";
        r = -EBADMSG;
    } else if (r == 0) {
        r = rpub;
    }
    sodium_memzero(secret, sizeof secret);
    return r;
}

int
ledgerkey_make(const char *control, unsigned *made, const char **why)
{
    int dir, r;

    *made = 0;
    if (sodium_init() < 0)
        return -ENOSYS;
    if ((r = file_opendir(&dir, AT_FDCWD, control)) == 0)
        r = complete(dir, made, why);
    file_close(&dir);
    return r;
}

static int
say(int r, const char *name, struct buf *why)
{
    if (r < 0)
        buf_print(why, "control/%s: %s (godwit init makes it)\n", name,
                  r == -EBADMSG ? "is no key" : strerror(-r));
    return r;
}

int
ledgerkey_read(int controldir, unsigned char secret[LEDGERKEY_SECRET],
               struct buf *why)
{
    return say(load(controldir, INSTANCE_KEY, secret, SECRET_LEN),
               INSTANCE_KEY, why);
}

int
ledgerkey_readpublic(int controldir, unsigned char public[LEDGERKEY_PUBLIC],
                     struct buf *why)
{
    return say(load(controldir, INSTANCE_PUBKEY, public, PUBLIC_LEN),
               INSTANCE_PUBKEY, why);
}
