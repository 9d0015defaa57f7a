#include "base/digest.h"

#include <string.h>

void
digest_init(struct digest *d)
{
    crypto_generichash_init(&d->state, NULL, 0, DIGEST_LEN);
}

void
digest_add(struct digest *d, const void *data, size_t len)
{
    crypto_generichash_update(&d->state, data, len);
}

void
digest_end(struct digest *d, unsigned char out[DIGEST_LEN])
{
    crypto_generichash_final(&d->state, out, DIGEST_LEN);
}

void
digest_of(struct view data, unsigned char out[DIGEST_LEN])
{
    crypto_generichash(out, DIGEST_LEN, (const unsigned char *)data.data,
                       data.len, NULL, 0);
}

bool
digest_equal(const unsigned char a[DIGEST_LEN],
             const unsigned char b[DIGEST_LEN])
{
    return memcmp(a, b, DIGEST_LEN) == 0;
}
