#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int
file_errno(void)
{
    return errno == EBADMSG ? -EIO : -errno;
}

int
file_opendir(int *fd, int dirfd, const char *path)
{
    *fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? file_errno() : 0;
}

int
file_open(int *fd, int dirfd, const char *name)
{
    *fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return *fd < 0 ? file_errno() : 0;
}

void
file_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int
file_write(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_errno();
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int
file_pwrite(int fd, const void *data, size_t len, uint64_t offset)
{
    const char *p = data;

    while (len) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_errno();
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int
file_pread(int fd, void *data, size_t len, uint64_t offset)
{
    char *p = data;

    while (len) {
        ssize_t n = pread(fd, p, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_errno();
        if (n == 0)
            return -ENODATA;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int
file_slurp(int fd, size_t max, struct buf *b)
{
    size_t start = b->len;

    for (;;) {
        ssize_t n;

        buf_reserve(b, 16384);
        n = read(fd, b->data + b->len, 16384);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_errno();
        if (n == 0)
            break;
        b->len += (size_t)n;
        if (b->len - start > max)
            return -EFBIG;
    }
    b->data[b->len] = 0;
    return 0;
}

int
file_read(int dirfd, const char *name, size_t max, struct buf *b)
{
    int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int r;

    if (fd < 0)
        return file_errno();
    r = file_slurp(fd, max, b);
    file_close(&fd);
    return r;
}

int
file_sync(int fd)
{
    return fsync(fd) < 0 ? file_errno() : 0;
}

int
file_settle(int fd)
{
    return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE |
                                         SYNC_FILE_RANGE_WRITE |
                                         SYNC_FILE_RANGE_WAIT_AFTER) < 0
               ? file_errno()
               : 0;
}

int
file_hurry(int fd)
{
    return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) < 0
               ? file_errno()
               : 0;
}

int
file_syncdir(int dirfd, const char *path)
{
    int fd, r;

    if ((r = file_opendir(&fd, dirfd, path)) < 0)
        return r;
    r = file_sync(fd);
    file_close(&fd);
    return r;
}

int
file_remove(int dirfd, const char *name)
{
    if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
        return file_errno();
    return 0;
}

static int
sync_parent(int dirfd, const char *name)
{
    char *copy = mem_string(name);
    int r = file_syncdir(dirfd, dirname(copy));

    free(copy);
    return r;
}

int
file_anew(int *fd, int dirfd, const char *name, mode_t mode)
{
    int r = file_remove(dirfd, name);

    *fd = -1;
    if (r < 0)
        return r;
    *fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    return *fd < 0 ? file_errno() : 0;
}

int
file_replace(int dirfd, const char *name, struct view data, mode_t mode)
{
    struct buf tmp = {0};
    int fd, r;

    buf_print(&tmp, "%s.new", name);
    if ((r = file_anew(&fd, dirfd, tmp.data, mode)) < 0) {
        buf_free(&tmp);
        return r;
    }
    if ((r = file_write(fd, data.data, data.len)) == 0 &&
        (r = file_sync(fd)) == 0 &&
        renameat(dirfd, tmp.data, dirfd, name) < 0)
        r = file_errno();
    if (r == 0)
        r = sync_parent(dirfd, name);
    else
        file_remove(dirfd, tmp.data);
    file_close(&fd);
    buf_free(&tmp);
    return r;
}

int
file_makedir(int dirfd, const char *name, mode_t mode)
{
    if (mkdirat(dirfd, name, mode) < 0)
        return errno == EEXIST ? 0 : file_errno();
    return sync_parent(dirfd, name);
}
