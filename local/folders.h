/* folders.h - the folders of a Maildir, kept open from one delivery to the
 * next */
#ifndef LOCAL_FOLDERS_H
#define LOCAL_FOLDERS_H

#include <stdbool.h>
#include <sys/types.h>

/* {0}: none is open. */
struct folders {
    bool open;
    bool named;             /* a file under way needs a name in tmp/ */
    bool forgets, orders;   /* base/filesystem.h */
    int dir;                /* the Maildir */
    int new;                /* its new/ */
    dev_t dev, new_dev;
    ino_t ino, new_ino;
};

/* Opens the Maildir at path and makes what lacks, mode 0700, where it is not
 * the one that is open and whole.  The names of its folders are then on
 * disk.  0 or a negative errno, and nothing is open. */
int folders_open(struct folders *f, const char *path);

/* After an error nothing that is open is believed. */
void folders_close(struct folders *f);

#endif
