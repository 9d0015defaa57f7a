/* ledgerkey.h - the keys that sign the ledger (Ed25519)
 *
 * control/ledgerkey holds the secret key's 64 bytes, control/ledgerkey.pub
 * the public one's 32, each as one line of hexadecimal digits. */
#ifndef QUEUE_LEDGERKEY_H
#define QUEUE_LEDGERKEY_H

#include "base/buf.h"

enum { LEDGERKEY_SECRET = 64, LEDGERKEY_PUBLIC = 32 }; /* bytes */

/* What ledgerkey_make wrote. */
enum { LEDGERKEY_MADE_SECRET = 1, LEDGERKEY_MADE_PUBLIC = 2 };

/* Makes both keys in the folder control where neither is there, or the
 * public one again; a secret key is never made anew, for the old
 * signatures would mean nothing.  0, and *made; -EBADMSG for a state the
 * operator has to end, *why naming it; or another negative errno.  Owners
 * are the caller's business. */
int ledgerkey_make(const char *control, unsigned *made, const char **why);

/* Reads the keys.  0, or a negative errno with a line appended to why. */
int ledgerkey_read(int controldir, unsigned char secret[LEDGERKEY_SECRET],
                   struct buf *why);
int ledgerkey_readpublic(int controldir,
                         unsigned char public[LEDGERKEY_PUBLIC],
                         struct buf *why);

#endif
