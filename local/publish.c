#include "local/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

enum { PIECE = 16384 }; /* on the stack, in each deliverer */

/* The name in tmp/: this posting's own, so that where two have the same mail,
 * here or in another process, neither names what the other has half written. */
static const char *
tmp_name(const struct posting *p, struct buf *b)
{
    buf_clear(b);
    buf_print(b, "tmp/%s.%d.%u", p->name, (int)getpid(), p->number);
    return b->data;
}

/* A nameless file in new/, where nobody sees it and no crash leaves it; tmp
 * is not used.  Where the file system has none: tmp, and f->named. */
static int
make_file(struct posting *p, struct folders *f)
{
    struct buf tmp = {0};
    int r;

    if (!f->named) {
        p->fd = openat(f->new, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
        if (p->fd >= 0)
            return 0;
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
            return -errno;
        f->named = true;
    }
    p->tmp = true;
    r = file_remove(f->dir, tmp_name(p, &tmp)); /* a crash left it */
    if (r == 0)
        p->fd = openat(f->dir, tmp.data,
                       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (r == 0 && p->fd < 0)
        r = -errno;
    buf_free(&tmp);
    return r;
}

/* Header and content, of the digest that the job has. */
static int
write_held(int fd, const struct delivery *d)
{
    unsigned char have[DIGEST_LEN];
    struct buf b = {0};
    int r;

    digest_of(d->held, have);
    if (!digest_equal(have, d->digest))
        return -EBADMSG;
    buf_addview(&b, buf_view(&d->header));
    buf_addview(&b, d->held);
    r = file_write(fd, b.data, b.len);
    buf_free(&b);
    return r;
}

/* The content's digest is checked once more: what was verified was a copy
 * that may have been to the disk and back. */
static int
write_content(int fd, const struct delivery *d)
{
    unsigned char have[DIGEST_LEN];
    char piece[PIECE];
    struct digest digest;
    uint64_t at, length = d->length;
    int r;

    if ((r = file_write(fd, d->header.data, d->header.len)) < 0)
        return r;
    digest_init(&digest);
    for (at = 0; at < length;) {
        size_t len = length - at < PIECE ? (size_t)(length - at) : PIECE;

        if ((r = file_pread(d->content, piece, len, at)) < 0 ||
            (r = file_write(fd, piece, len)) < 0)
            return r;
        digest_add(&digest, piece, len);
        at += len;
    }
    digest_end(&digest, have);
    return digest_equal(have, d->digest) ? 0 : -EBADMSG;
}

static int
write_file(struct posting *p, struct folders *f)
{
    const struct delivery *d = p->delivery;
    int r;

    if ((r = make_file(p, f)) < 0)
        return r;
    return d->content < 0 ? write_held(p->fd, d) : write_content(p->fd, d);
}

/* While the disk writes one, the next is handed to it. */
static int
begin(struct posting *p, struct folders *f)
{
    return f->orders ? file_hurry(p->fd) : 0;
}

static int
settle(struct posting *p, struct folders *f)
{
    return f->orders ? file_settle(p->fd) : file_sync(p->fd);
}

/* Not to be had for a nameless file: by the rules of a file system, of a
 * security module, or of how /proc is mounted. */
static bool
is_refused(int error)
{
    return error == EPERM || error == EACCES || error == EXDEV ||
           error == EOPNOTSUPP || error == ENOENT || error == ELOOP ||
           error == EINVAL;
}

static int
link_tmp(struct posting *p, struct folders *f)
{
    struct buf tmp = {0};
    int r = linkat(f->dir, tmp_name(p, &tmp), f->new, p->name, 0) < 0 ? -errno
                                                                     : 0;

    buf_free(&tmp);
    return r;
}

static int
link_nameless(struct posting *p, struct folders *f)
{
    char path[40];

    /* Where the kernel gives us that (Linux 6.10) it costs less. */
    if (linkat(p->fd, "", f->new, p->name, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno == EEXIST)
        return -EEXIST;
    snprintf(path, sizeof path, "/proc/self/fd/%d", p->fd);
    if (linkat(AT_FDCWD, path, f->new, p->name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    p->refused = is_refused(errno);
    return -errno;
}

static int
give_name(struct posting *p, struct folders *f)
{
    int r = p->tmp ? link_tmp(p, f) : link_nameless(p, f);

    p->named = r == 0;
    return r;
}

/* Where the file system orders them, content and name in one commit. */
static int
sync_named(struct posting *p, struct folders *f)
{
    return f->orders || f->forgets ? file_sync(p->fd) : 0;
}

static int
finish(struct posting *p, struct folders *f)
{
    struct buf tmp = {0};

    if (p->named && p->result < 0)
        file_remove(f->new, p->name);
    if (p->tmp)
        file_remove(f->dir, tmp_name(p, &tmp));
    file_close(&p->fd);
    buf_free(&tmp);
    return p->result;
}

/* Does step for all that are under way. */
static void
each(struct folders *f, struct posting *all, size_t count,
     int (*step)(struct posting *p, struct folders *f))
{
    for (size_t i = 0; i < count; i++) {
        struct posting *p = &all[i];

        if (p->open)
            p->open = (p->result = step(p, f)) == 0;
    }
}

/* What new/ names is on disk, or none of it is ours. */
static void
sync_names(struct folders *f, struct posting *all, size_t count)
{
    size_t i;
    int r;

    for (i = 0; i < count && !all[i].open; i++)
        ;
    if (i == count || (r = file_sync(f->new)) == 0)
        return;
    for (; i < count; i++)
        if (all[i].open)
            all[i].result = r;
}

/* Those that are open. */
static void
publish_once(struct folders *f, struct posting *all, size_t count)
{
    each(f, all, count, write_file);
    if (count > 1)
        each(f, all, count, begin);
    each(f, all, count, settle);
    each(f, all, count, give_name);
    each(f, all, count, sync_named);
    sync_names(f, all, count);
    for (size_t i = 0; i < count; i++)
        if (all[i].fd >= 0 || all[i].tmp)
            finish(&all[i], f);
}

void
publish(struct folders *f, struct posting *all, size_t count)
{
    bool again = false;

    for (size_t i = 0; i < count; i++) {
        all[i].fd = -1;
        all[i].number = (unsigned)i;
        all[i].tmp = all[i].named = all[i].refused = false;
        all[i].open = true;
        all[i].result = 0;
    }
    publish_once(f, all, count);
    for (size_t i = 0; i < count; i++)
        again |= all[i].open = all[i].refused;
    if (!again)
        return;
    f->named = true;
    publish_once(f, all, count);
}
