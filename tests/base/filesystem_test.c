#include "base/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/tap.h"

/* In place of the library's: what a file system says that it is, on which
 * device, and which journals there are. */
static __fsword_t kind;
static dev_t device;
static const char *journal = "", *options = "";
static char options_of[200];
static int range_errno;
static uint32_t xflags;

int
fstatfs(int fd, struct statfs *fs)
{
    int r = (int)syscall(SYS_fstatfs, fd, fs);

    fs->f_type = kind;
    return r;
}

int
fstat(int fd, struct stat *st)
{
    int r = fstatat(fd, "", st, AT_EMPTY_PATH);

    st->st_dev = device;
    return r;
}

int
access(const char *path, int mode)
{
    (void)mode;
    return strcmp(path, journal) == 0 ? 0 : -1;
}

int
sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
    (void)fd;
    (void)at;
    (void)len;
    (void)flags;
    errno = range_errno;
    return range_errno ? -1 : 0;
}

int
ioctl(int fd, unsigned long request, ...)
{
    va_list ap;

    (void)fd;
    (void)request;
    va_start(ap, request);
    memcpy(va_arg(ap, void *), &xflags, sizeof xflags);
    va_end(ap);
    return 0;
}

int
openat(int dir, const char *path, int how, ...)
{
    int fd;

    if (strcmp(path, options_of) != 0)
        return (int)syscall(SYS_openat, dir, path, how, 0);
    fd = memfd_create("options", 0);
    if (write(fd, options, strlen(options)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        exit(2);
    return fd;
}

/* The first block device of this machine; false if none is shown. */
static bool
first_device(char name[64])
{
    FILE *f = fopen("/proc/partitions", "r");
    unsigned major, minor;
    bool found = false;
    char line[200];

    while (f && !found && fgets(line, sizeof line, f))
        found = sscanf(line, "%u %u %*u %63s", &major, &minor, name) == 3 &&
                !strchr(name, '/');
    if (f)
        fclose(f);
    if (found)
        device = makedev(major, minor);
    return found;
}

static void
test_journal(int fd)
{
    static const struct {
        const char *options, *what;
    } rows[] = {
        {"rw\nbarrier\ndata=writeback\n", "that doesn't order data"},
        {"rw\nnobarrier\ndata=ordered\n", "that doesn't flush"},
        {"rw\nbarrier\njournal_async_commit\ndata=ordered\n",
         "that flushes late"},
        {"", "of which nothing is told"},
    };
    char name[64], path[128];

    kind = EXT4_SUPER_MAGIC;
    if (!first_device(name)) {
        skip("no block device is shown here");
        return;
    }
    options = "rw\nbarrier\ndata=ordered\n";
    snprintf(options_of, sizeof options_of, "/proc/fs/ext4/%s/options", name);
    ok(!filesystem_orders(fd), "ext4 without a journal does not");
    snprintf(path, sizeof path, "/proc/fs/jbd2/%s-8", name);
    journal = path;
    ok(filesystem_orders(fd), "ext4 with one does (%s)", name);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        options = rows[i].options;
        ok(!filesystem_orders(fd), "not with one %s", rows[i].what);
    }
    device = makedev(0, 99);
    ok(!filesystem_orders(fd), "one on no block device is not known");
    journal = "";
}

int
main(void)
{
    int fd = open(".", O_RDONLY | O_DIRECTORY);

    kind = XFS_SUPER_MAGIC;
    ok(filesystem_orders(fd) && filesystem_forgets(fd) == 0,
       "XFS has no name without its content");
    xflags = 0x100;
    ok(!filesystem_orders(fd), "unless its files are on a realtime disk");
    xflags = 0;
    range_errno = ENOSYS;
    ok(!filesystem_orders(fd), "nor where content can't be waited for");
    range_errno = 0;
    test_journal(fd);
    kind = BTRFS_SUPER_MAGIC;
    ok(!filesystem_orders(fd) && filesystem_forgets(fd) == 1,
       "btrfs orders nothing and may forget");
    kind = OVERLAYFS_SUPER_MAGIC;
    ok(!filesystem_orders(fd) && filesystem_forgets(fd) == 1,
       "nor is known what an overlay does");
    kind = NFS_SUPER_MAGIC;
    ok(!filesystem_orders(fd) && filesystem_forgets(fd) == 0,
       "of others nothing is believed");
    close(fd);
    return tap_end();
}
