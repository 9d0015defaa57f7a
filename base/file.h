/* file.h - steps on files that are durable when they say so
 *
 * All return 0 (or what they say) or a negative errno.  A failed sync makes
 * the file worthless: it is never synced again and believed. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* The errno of a call on a file that failed, negative.  A file system whose own
 * data are damaged says EBADMSG, which is our word for a file's bytes that were
 * read and do not verify: it becomes EIO. */
int file_errno(void);

/* Opens a folder for reading below dirfd (or AT_FDCWD). */
int file_opendir(int *fd, int dirfd, const char *path);

/* Opens a file for reading; never follows a link, never waits on a FIFO. */
int file_open(int *fd, int dirfd, const char *name);

/* Closes *fd if it is open and sets it to -1. */
void file_close(int *fd);

/* Writes all; restarts after signals. */
int file_write(int fd, const void *data, size_t len);
int file_pwrite(int fd, const void *data, size_t len, uint64_t offset);

/* Reads exactly len bytes; -ENODATA if the file ends before. */
int file_pread(int fd, void *data, size_t len, uint64_t offset);

/* Appends the whole file to b; -EFBIG above max bytes. */
int file_slurp(int fd, size_t max, struct buf *b);
int file_read(int dirfd, const char *name, size_t max, struct buf *b);

/* Content and size are on stable storage. */
int file_sync(int fd);

/* The disk has the content, if only in its cache: not durable, but what comes
 * to the disk now comes after it.  See filesystem_orders. */
int file_settle(int fd);

/* The disk may begin with the content; nothing is waited for.  What goes wrong
 * here nobody may be told again: pages that found no place are gone, and a
 * sync finds nothing to do.  For where filesystem_orders. */
int file_hurry(int fd);

/* The names in the folder are on stable storage. */
int file_syncdir(int dirfd, const char *path);

/* Removes a name; that it was not there is no error. */
int file_remove(int dirfd, const char *name);

/* Makes an empty file for writing under a name that is the caller's own: a
 * file, link or FIFO that has it goes and is neither followed nor waited
 * for.  *fd is -1 on an errno. */
int file_anew(int *fd, int dirfd, const char *name, mode_t mode);

/* name holds exactly data: a new file, synced, renamed over the old one, the
 * folder synced.  A crash leaves the old or the new one whole. */
int file_replace(int dirfd, const char *name, struct view data, mode_t mode);

/* Makes a folder if it is not there, and syncs its parent if it was made. */
int file_makedir(int dirfd, const char *name, mode_t mode);

#endif
