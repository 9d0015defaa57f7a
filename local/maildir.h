/* maildir.h - into a Maildir
 *
 * The name of a file comes from message and recipient alone, so a repeat
 * meets its earlier try.  How it gets there: publish.h. */
#ifndef LOCAL_MAILDIR_H
#define LOCAL_MAILDIR_H

#include "local/deliver.h"

enum { MAILDIR_ME_MAX = 150 }; /* bytes; a name has at most 255 */

/* A path that begins with '.' or '/' and ends in '/'. */
bool maildir_claims(struct view instruction);

/* Appends `BIRTH.GIDRhash.me`: birth in seconds, the id as text, 8 hex
 * digits of the recipient's BLAKE2b, and me (cut) with '/' and ':' as \057
 * and \072. */
void maildir_name(struct buf *b, const struct delivery *d, const char *me);

/* Those that are not over.  DONE: header and content, byte for byte, are on
 * disk under new/, or under cur/ from an earlier try.  A folder that is not
 * there is made, mode 0700; its parent must be there.  A file of the same
 * name that differs, and every errno, is LATER; nothing is left then. */
void maildir_deliver(struct deliver_place *at, struct delivery *all,
                     size_t count, struct view instruction);

#endif
