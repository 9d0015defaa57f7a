/* maildir.h - into a Maildir
 *
 * A file is whole and synced before new/ names it (where the file system
 * orders the two: before anybody is told), and new/ is synced before anybody
 * is told.  Until then it has no name, or where that cannot be one
 * in tmp/ that is this process's own.  The one it gets comes from message and
 * recipient alone, so a repeat meets its earlier try. */
#ifndef LOCAL_MAILDIR_H
#define LOCAL_MAILDIR_H

#include "local/deliver.h"

enum { MAILDIR_ME_MAX = 150 }; /* bytes; a name has at most 255 */

/* A path that begins with '.' or '/' and ends in '/'. */
bool maildir_claims(struct view instruction);

/* Appends `BIRTH.GIDRhash.me`: birth in seconds, the id as text, 8 hex
 * digits of the recipient's BLAKE2b, and me (cut) with '/' and ':' as \057
 * and \072. */
void maildir_name(struct buf *b, const struct job *j, const char *me);

/* DONE: header and content, byte for byte, are on disk under new/, or under
 * cur/ from an earlier try.  A folder that is not there is made, mode 0700;
 * its parent must be there.  A file of the same name that differs, and
 * every errno, is LATER; nothing is left then. */
enum verdict maildir_deliver(const struct delivery *d, struct view instruction,
                             struct report *r);

#endif
