/* tls_later.h - what TLS is made of, kept until somebody wants it
 *
 * For a program that closes itself in: what OpenSSL would open is read
 * before, and given to it when the first connection needs it.  Until then
 * OpenSSL, which takes some 4 MiB, is not touched. */
#ifndef BASE_TLS_LATER_H
#define BASE_TLS_LATER_H

#include <stdbool.h>

#include "base/buf.h"

struct tls_later {
    struct buf config;  /* OpenSSL's openssl.cnf; empty: there is none */
    struct buf trusted; /* the system's certificates, by trust_read */
};

/* Reads them.  False where there is no certificate, or the settings cannot be
 * read. */
bool tls_later_read(struct tls_later *l);
void tls_later_free(struct tls_later *l);

/* OpenSSL gets its settings from what was kept; before any other call of it.
 * False: they are wrong. */
bool tls_later_config(const struct tls_later *l);

/* Whether make works, within seconds, without a file being opened: a child
 * tries, with descriptors 0 to 2 alone.  An attempt to open one ends it, for
 * OpenSSL does not tell of each that failed.  While there are no threads. */
bool tls_later_rehearse(bool (*make)(void *data), void *data,
                        unsigned seconds);

#endif
