/* token.h - the OAuth tokens of relays, as somebody else renews them
 *
 * Each is the first line of a file in control/tokens/.  Whoever fetches them
 * puts a new file in the place of the old one; it is read at each AUTH. */
#ifndef REMOTE_TOKEN_H
#define REMOTE_TOKEN_H

#include "base/buf.h"

enum {
    TOKEN_MAX = 8192, /* bytes; in base64 it fits RFC 4954 4's 12288 */
    TOKEN_NAME_MAX = 100,
};

/* Whether name is fit to be a file's in that folder. */
bool token_name(struct view name);

/* Reads a token to the end of out.  0; -EPERM if others than its owner can
 * read the file, -EBADMSG if it holds no token (RFC 6750 2.1), or another
 * negative errno; then out is as it was. */
int token_read(int folder, struct view name, struct buf *out);

#endif
