#include "local/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/filesystem.h"
#include "base/mem.h"

static int
sync_parent(const char *path)
{
    char *copy = mem_string(path);
    int r = file_syncdir(AT_FDCWD, dirname(copy));

    free(copy);
    return r;
}

static int
make_folder(int dirfd, const char *name)
{
    return mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* path and new/ name what is open, and the others are there. */
static bool
is_whole(const struct folders *f, const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_dev == f->dev &&
           st.st_ino == f->ino && fstatat(f->dir, "new", &st, 0) == 0 &&
           st.st_dev == f->new_dev && st.st_ino == f->new_ino &&
           fstatat(f->dir, "cur", &st, 0) == 0 &&
           fstatat(f->dir, "tmp", &st, 0) == 0;
}

static int
note_folders(struct folders *f)
{
    struct stat st;
    int r;

    if (fstat(f->dir, &st) < 0)
        return -errno;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    if (fstat(f->new, &st) < 0)
        return -errno;
    f->new_dev = st.st_dev;
    f->new_ino = st.st_ino;
    if ((r = filesystem_forgets(f->new)) < 0)
        return r;
    f->orders = filesystem_orders(f->new);
    f->forgets = r;
    return 0;
}

/* The names of the folders are synced even where they were there already:
 * whoever made them may have died before the sync, or be about to sync. */
int
folders_open(struct folders *f, const char *path)
{
    int r;

    if (f->open && is_whole(f, path))
        return 0;
    folders_close(f);
    f->open = true;
    /* A nameless file gets its name by way of /proc. */
    f->named = access("/proc/self/fd", F_OK) < 0;
    if ((r = make_folder(AT_FDCWD, path)) < 0 ||
        (r = file_opendir(&f->dir, AT_FDCWD, path)) < 0 ||
        (r = make_folder(f->dir, "tmp")) < 0 ||
        (r = make_folder(f->dir, "new")) < 0 ||
        (r = make_folder(f->dir, "cur")) < 0 ||
        (r = file_opendir(&f->new, f->dir, "new")) < 0 ||
        (r = note_folders(f)) < 0 || (r = file_sync(f->dir)) < 0 ||
        (r = sync_parent(path)) < 0)
        folders_close(f);
    return r;
}

void
folders_close(struct folders *f)
{
    if (f->open) {
        file_close(&f->dir);
        file_close(&f->new);
    }
    f->open = false;
    f->dir = f->new = -1;
}
