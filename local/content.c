#include "local/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file.h"

enum { PIECE = 65536 };

void
content_init(struct content *c, int source, const struct job *j)
{
    memset(c, 0, sizeof *c);
    c->source = source;
    c->fd = -1;
    c->offset = j->offset;
    c->length = j->length;
    memcpy(c->want, j->digest, DIGEST_LEN);
    digest_init(&c->digest);
}

void
content_hold(struct content *c)
{
    c->held = c->length <= CONTENT_HELD_MAX;
}

/* Where the file system knows no nameless files: a name for one moment. */
static int
make_unlinked(int *fd, int folder)
{
    char name[32];

    snprintf(name, sizeof name, ".local.%d.%d", (int)getpid(), (int)gettid());
    unlinkat(folder, name, 0);
    *fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    if (*fd < 0)
        return -errno;
    return unlinkat(folder, name, 0) < 0 ? -errno : 0;
}

static int
make_copy(struct content *c, int folder)
{
    struct stat st;

    if (fstat(c->source, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (c->held) {
        buf_reserve(&c->bytes, c->length);
        return 0;
    }
    if (c->length <= CONTENT_MEMORY_MAX) {
        c->fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        return c->fd < 0 ? -errno : 0;
    }
    c->fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0400);
    if (c->fd >= 0)
        return 0;
    if (errno == EOPNOTSUPP || errno == EISDIR)
        return make_unlinked(&c->fd, folder);
    return -errno;
}

static int
copy_some(struct content *c, uint64_t end)
{
    char piece[PIECE];
    int r;

    while (c->copied < end) {
        uint64_t left = end - c->copied;
        size_t len = left < PIECE ? (size_t)left : PIECE;

        r = file_pread(c->source, piece, len, c->offset + c->copied);
        if (r == -ENODATA)
            return -EBADMSG;
        if (r < 0)
            return r;
        if (c->held)
            buf_add(&c->bytes, piece, len);
        else if ((r = file_write(c->fd, piece, len)) < 0)
            return r;
        digest_add(&c->digest, piece, len);
        c->copied += len;
    }
    return 0;
}

/* The descriptor that could write is closed before anybody sees the copy. */
static int
finish(struct content *c)
{
    unsigned char have[DIGEST_LEN];
    int fd, r;

    digest_end(&c->digest, have);
    if (!digest_equal(have, c->want))
        return -EBADMSG;
    if (c->held) {
        file_close(&c->source);
        return 0;
    }
    if (c->length <= CONTENT_MEMORY_MAX &&
        fcntl(c->fd, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return -errno;
    if ((r = content_open(c, &fd)) < 0)
        return r;
    file_close(&c->fd);
    c->fd = fd;
    file_close(&c->source);
    return 0;
}

int
content_step(struct content *c, int folder)
{
    uint64_t end = c->length;
    int r;

    if (c->fd < 0 && (r = make_copy(c, folder)) < 0)
        return r;
    if (end - c->copied > CONTENT_STEP)
        end = c->copied + CONTENT_STEP;
    if ((r = copy_some(c, end)) < 0)
        return r;
    return c->copied < c->length ? 1 : finish(c);
}

bool
content_now(struct content *c)
{
    unsigned char have[DIGEST_LEN];
    struct iovec part;

    if (!c->held)
        return false;
    buf_reserve(&c->bytes, c->length);
    part = (struct iovec){c->bytes.data, c->length};
    if (preadv2(c->source, &part, 1, (off_t)c->offset, RWF_NOWAIT) !=
        (ssize_t)c->length)
        return false;
    digest_of(view_make(c->bytes.data, c->length), have);
    if (!digest_equal(have, c->want))
        return false;
    c->bytes.len = c->copied = c->length;
    file_close(&c->source);
    return true;
}

int
content_open(const struct content *c, int *fd)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", c->fd);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    return *fd < 0 ? -errno : 0;
}

void
content_free(struct content *c)
{
    file_close(&c->source);
    file_close(&c->fd);
    buf_free(&c->bytes);
}
