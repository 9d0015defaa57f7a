#include "base/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"

/* linux/magic.h and linux/fs.h, which not every libc's compiler finds */
#define BTRFS 0x9123683eUL
#define OVERLAY 0x794c7630UL
#define XFS 0x58465342UL
#define EXT 0xef53UL /* ext2 and ext3 too */

#define GET_FLAGS _IOR('X', 31, char[28]) /* FS_IOC_FSGETXATTR */
#define REALTIME 0x1U                     /* FS_XFLAG_REALTIME */
#define REALTIME_INSIDE 0x100U            /* FS_XFLAG_RTINHERIT */

enum {
    PARTITIONS_MAX = 1 << 20,
    OPTIONS_MAX = 1 << 16,
    DEVICE_NAME_MAX = 64,
};

/* 0 or a negative errno. */
static int
type_of(int fd, unsigned long *type)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return -errno;
    *type = (unsigned long)fs.f_type;
    return 0;
}

int
filesystem_forgets(int fd)
{
    unsigned long type = 0;
    int r = type_of(fd, &type);

    return r < 0 ? r : type == BTRFS || type == OVERLAY;
}

/* The kernel's name of a block device, with '!' for '/'. */
static bool
device_name(dev_t dev, char name[DEVICE_NAME_MAX])
{
    struct buf text = {0};
    struct view all, line;
    bool found = false;

    if (file_read(AT_FDCWD, "/proc/partitions", PARTITIONS_MAX, &text) < 0) {
        buf_free(&text);
        return false;
    }
    all = buf_view(&text);
    while (!found && view_line(&all, &line)) {
        unsigned major, minor;
        char row[128];

        snprintf(row, sizeof row, "%.*s", (int)line.len, line.data);
        found = sscanf(row, "%u %u %*u %63s", &major, &minor, name) == 3 &&
                major == major(dev) && minor == minor(dev);
    }
    buf_free(&text);
    for (char *c = name; found && (c = strchr(c, '/')); )
        *c = '!';
    return found;
}

static bool
has_line(struct view text, const char *word)
{
    struct view line;

    while (view_line(&text, &line))
        if (view_equal(line, view_of(word)))
            return true;
    return false;
}

/* As mkfs and mount make it: a journal in the file system's own inode 8, not
 * on another disk; its commits ordered by flushes, and nothing else. */
static bool
ext4_orders(dev_t dev)
{
    char name[DEVICE_NAME_MAX], path[DEVICE_NAME_MAX + 32];
    struct buf options = {0};
    struct view text;
    bool orders;

    if (!device_name(dev, name))
        return false;
    snprintf(path, sizeof path, "/proc/fs/jbd2/%s-8", name);
    if (access(path, F_OK) < 0)
        return false;
    snprintf(path, sizeof path, "/proc/fs/ext4/%s/options", name);
    orders = file_read(AT_FDCWD, path, OPTIONS_MAX, &options) == 0;
    text = buf_view(&options);
    orders = orders && has_line(text, "data=ordered") &&
             has_line(text, "barrier") &&
             !has_line(text, "journal_async_commit");
    buf_free(&options);
    return orders;
}

/* Its log flushes the disk of ordinary files, not that of realtime ones. */
static bool
xfs_orders(int fd)
{
    struct {
        uint32_t flags, others[6];
    } x = {0};

    return ioctl(fd, GET_FLAGS, &x) == 0 &&
           !(x.flags & (REALTIME | REALTIME_INSIDE));
}

bool
filesystem_orders(int fd)
{
    unsigned long type = 0;
    struct stat st;

    /* With no flags it does nothing, and says whether it could. */
    if (sync_file_range(fd, 0, 0, 0) < 0 || type_of(fd, &type) < 0)
        return false;
    if (type == XFS)
        return xfs_orders(fd);
    return type == EXT && fstat(fd, &st) == 0 && ext4_orders(st.st_dev);
}
