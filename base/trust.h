/* trust.h - the certificates that this system trusts */
#ifndef BASE_TRUST_H
#define BASE_TRUST_H

#include <openssl/x509.h>
#include <stdbool.h>

/* Adds them to store, all at once: later no file may be opened.  They are
 * those of OpenSSL's own file (or SSL_CERT_FILE); where there is no such file,
 * of its folder; and of SSL_CERT_DIR.  False if nothing could be read; that
 * there are none is no fault. */
bool trust_system(X509_STORE *store);

#endif
