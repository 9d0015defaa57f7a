/* record.c - a file that writes down each write and each sync it gets
 *
 * usage: record IMAGE LOG FOLDER
 *
 * Mounts on FOLDER a file system (FUSE) with one file, disk, whose bytes are
 * those of IMAGE.  A loop device on it is a disk whose every request is known.
 * LOG gets a record per request, before the answer, so that whatever is true
 * after an answer has its reason in LOG: a header of three words of 64 bits
 * (kind, offset, length) and, for a write, its bytes.  One request is served
 * at a time.  Ends when FOLDER is unmounted. */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2 };

static int image, out;

static int
note(uint64_t kind, off_t offset, const char *data, size_t len)
{
    uint64_t head[3] = {kind, (uint64_t)offset, len};
    struct iovec iov[2] = {{head, sizeof head}, {(void *)(uintptr_t)data, len}};
    ssize_t n = writev(out, iov, 2);

    return n == (ssize_t)(sizeof head + len) ? 0 : -EIO;
}

static int
on_getattr(const char *path, struct stat *st, struct fuse_file_info *f)
{
    (void)f;
    memset(st, 0, sizeof *st);
    if (strcmp(path, "/") == 0) {
        st->st_mode = S_IFDIR | 0700;
        st->st_nlink = 2;
        return 0;
    }
    if (strcmp(path, "/disk") != 0)
        return -ENOENT;
    if (fstat(image, st) < 0)
        return -errno;
    st->st_mode = S_IFREG | 0600;
    return 0;
}

/* Nothing is kept in the kernel's memory: what the loop device sends comes
 * here at once and as it was sent. */
static int
on_open(const char *path, struct fuse_file_info *f)
{
    (void)path;
    f->direct_io = 1;
    return 0;
}

static int
on_read(const char *path, char *data, size_t len, off_t offset,
        struct fuse_file_info *f)
{
    ssize_t n = pread(image, data, len, offset);

    (void)path;
    (void)f;
    return n < 0 ? -errno : (int)n;
}

static int
on_write(const char *path, const char *data, size_t len, off_t offset,
         struct fuse_file_info *f)
{
    ssize_t n = pwrite(image, data, len, offset);
    int r;

    (void)path;
    (void)f;
    if (n < 0)
        return -errno;
    r = note(WRITE, offset, data, (size_t)n);
    return r < 0 ? r : (int)n;
}

static int
on_fsync(const char *path, int dataonly, struct fuse_file_info *f)
{
    (void)path;
    (void)dataonly;
    (void)f;
    return note(SYNC, 0, NULL, 0);
}

static const struct fuse_operations operations = {
    .getattr = on_getattr,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .fsync = on_fsync,
};

int
main(int argc, char **argv)
{
    char one[] = "-s", front[] = "-f";
    char *args[] = {argv[0], one, front, NULL, NULL};

    if (argc != 4) {
        fprintf(stderr, "usage: record IMAGE LOG FOLDER\n");
        return 64;
    }
    image = open(argv[1], O_RDWR | O_CLOEXEC);
    out = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (image < 0 || out < 0) {
        perror("record");
        return 1;
    }
    args[3] = argv[3];
    return fuse_main(4, args, &operations, NULL);
}
