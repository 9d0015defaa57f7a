/* trust.h - the certificates that this system trusts */
#ifndef BASE_TRUST_H
#define BASE_TRUST_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/buf.h"

enum { TRUST_FILE_MAX = 16 << 20 }; /* bytes; a larger one is left out */

/* Appends them as they stand in their files, all at once: later no file may
 * be opened.  They are those of OpenSSL's own file (or SSL_CERT_FILE); where
 * there is no such file, of its folder; and of SSL_CERT_DIR.  False if
 * nothing could be read; that there are none is no fault. */
bool trust_read(struct buf *files);

/* Adds to store what trust_read read: of each file all up to the first that
 * is no certificate. */
void trust_add(X509_STORE *store, const struct buf *files);

#endif
