/* digest.h - BLAKE2b, 32 bytes (libsodium) */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <sodium.h>

#include "base/buf.h"

enum { DIGEST_LEN = 32 };

struct digest {
    crypto_generichash_state state;
};

void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t len);
void digest_end(struct digest *d, unsigned char out[DIGEST_LEN]);

/* All at once. */
void digest_of(struct view data, unsigned char out[DIGEST_LEN]);

bool digest_equal(const unsigned char a[DIGEST_LEN],
                  const unsigned char b[DIGEST_LEN]);

#endif
