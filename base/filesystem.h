/* filesystem.h - what a file system does beyond POSIX, or leaves undone
 *
 * Durable is a file once it and its folder were synced, everywhere; what is
 * asked here decides only in which order that is done. */
#ifndef BASE_FILESYSTEM_H
#define BASE_FILESYSTEM_H

#include <stdbool.h>

/* Whether a sync of a file without a name may come to nothing: btrfs of some
 * kernels (6.1) writes no log for it, and below an overlay there may be one.
 * fd: in that file system.  1, 0 or a negative errno. */
int filesystem_forgets(int fd);

/* Whether no power cut leaves the name of a file without the content it had
 * when it got that name, if file_settle came before: XFS, and ext4 with a
 * journal of its own, as mount makes them.  There a file may get its name
 * before its sync, and one commit of the journal takes both.  False in doubt,
 * and where /proc is not there to ask.  fd: a folder there, open for
 * reading. */
bool filesystem_orders(int fd);

#endif
