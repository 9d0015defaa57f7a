#include "local/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"

enum { PIECE = 16384 }; /* on the stack, in each deliverer */

bool
maildir_claims(struct view instruction)
{
    return instruction.len >= 2 &&
           (instruction.data[0] == '.' || instruction.data[0] == '/') &&
           instruction.data[instruction.len - 1] == '/';
}

void
maildir_name(struct buf *b, const struct job *j, const char *me)
{
    unsigned char hash[DIGEST_LEN];
    size_t end;
    id_text id;

    digest_of(j->rcpts[0].address, hash);
    buf_print(b, "%ju.G%sR%02x%02x%02x%02x.", (uintmax_t)j->birth,
              id_print(j->id, id), hash[0], hash[1], hash[2], hash[3]);
    end = b->len + MAILDIR_ME_MAX;
    for (size_t i = 0; me[i] && b->len < end; i++)
        if (me[i] == '/' || me[i] == ':')
            buf_print(b, "\\%03o", (unsigned)me[i]);
        else
            buf_addbyte(b, me[i]);
}

/* Header and content, of the digest that the job has. */
static int
write_held(int fd, const struct delivery *d)
{
    unsigned char have[DIGEST_LEN];
    struct buf b = {0};
    int r;

    digest_of(d->held, have);
    if (!digest_equal(have, d->job->digest))
        return -EBADMSG;
    buf_addview(&b, d->header);
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
    uint64_t at, length = d->job->length;
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
    return digest_equal(have, d->job->digest) ? 0 : -EBADMSG;
}

static int
write_file(int fd, const struct folders *f, const struct delivery *d)
{
    int r = d->content < 0 ? write_held(fd, d) : write_content(fd, d);

    if (r < 0)
        return r;
    return f->orders ? file_settle(fd) : file_sync(fd);
}

/* A nameless file in new/, where nobody sees it and no crash leaves it; tmp
 * is not used.  Where the file system has none: tmp, and f->named. */
static int
make_file(int *fd, struct folders *f, const char *tmp)
{
    int r;

    if (!f->named) {
        *fd = openat(f->new, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
        if (*fd >= 0)
            return 0;
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
            return -errno;
        f->named = true;
    }
    if ((r = file_remove(f->dir, tmp)) < 0) /* a crash left it */
        return r;
    *fd = openat(f->dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return *fd < 0 ? -errno : 0;
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
give_name(int fd, struct folders *f, const char *tmp, const char *name)
{
    char path[40];

    if (f->named)
        return linkat(f->dir, tmp, f->new, name, 0) < 0 ? -errno : 0;
    /* Where the kernel gives us that (Linux 6.10) it costs less. */
    if (linkat(fd, "", f->new, name, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno == EEXIST)
        return -EEXIST;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, path, f->new, name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    f->named = is_refused(errno);
    return -errno;
}

/* Where the file system orders them, content and name in one commit. */
static int
make_durable(int fd, const struct folders *f)
{
    int r = 0;

    if (f->orders || f->forgets)
        r = file_sync(fd);
    return r < 0 ? r : file_sync(f->new);
}

static int
publish_once(struct folders *f, const char *tmp, const char *name,
             const struct delivery *d)
{
    int fd = -1, r;

    if ((r = make_file(&fd, f, tmp)) == 0 && (r = write_file(fd, f, d)) == 0 &&
        (r = give_name(fd, f, tmp, name)) == 0 &&
        (r = make_durable(fd, f)) < 0)
        file_remove(f->new, name);
    if (f->named)
        file_remove(f->dir, tmp);
    file_close(&fd);
    return r;
}

/* name is in new/ and on disk; -EEXIST if it was there.  Whatever went
 * wrong, it is not there by our doing.  The name in tmp/ is this process's
 * own: where two have the same mail, neither names what the other has half
 * written. */
static int
publish(struct folders *f, const char *name, const struct delivery *d)
{
    struct buf tmp = {0};
    bool nameless = !f->named;
    int r;

    buf_print(&tmp, "tmp/%s.%d", name, (int)getpid());
    r = publish_once(f, tmp.data, name, d);
    if (r < 0 && nameless && f->named)
        r = publish_once(f, tmp.data, name, d);
    buf_free(&tmp);
    return r;
}

/* Whether an earlier try may have got as far as a name. */
static bool
is_repeat(const struct job *j)
{
    return j->flags & JOB_REPEAT || j->attempt > 1;
}

static int
compare_open(int fd, const struct delivery *d)
{
    unsigned char have[DIGEST_LEN];
    uint64_t at, end = d->header.len + d->job->length;
    struct digest digest;
    char piece[PIECE];
    struct stat st;
    int r;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != end ||
        d->header.len > sizeof piece)
        return -EEXIST;
    if ((r = file_pread(fd, piece, d->header.len, 0)) < 0)
        return r;
    if (memcmp(piece, d->header.data, d->header.len) != 0)
        return -EEXIST;
    digest_init(&digest);
    for (at = d->header.len; at < end;) {
        size_t len = end - at < PIECE ? (size_t)(end - at) : PIECE;

        if ((r = file_pread(fd, piece, len, at)) < 0)
            return r;
        digest_add(&digest, piece, len);
        at += len;
    }
    digest_end(&digest, have);
    return digest_equal(have, d->job->digest) ? file_sync(fd) : -EEXIST;
}

/* Whether the file at path is what this delivery would have written: 0, and
 * file and folder are synced; -EEXIST if it is another; or an errno. */
static int
compare(int dirfd, const char *path, const char *folder,
        const struct delivery *d)
{
    int fd, r;

    if ((r = file_open(&fd, dirfd, path)) < 0)
        return r == -ELOOP ? -EEXIST : r;
    r = compare_open(fd, d);
    file_close(&fd);
    return r < 0 ? r : file_syncdir(dirfd, folder);
}

/* The path in folder of name, or of one that goes on with a byte of after;
 * 1: found, 0: not. */
static int
find_in(int dirfd, const char *folder, const char *name, const char *after,
        struct buf *path)
{
    size_t len = strlen(name);
    struct dirent *e;
    int fd, r;
    DIR *dir;

    if ((r = file_opendir(&fd, dirfd, folder)) < 0)
        return r;
    if (!(dir = fdopendir(fd))) {
        r = -errno;
        file_close(&fd);
        return r;
    }
    while ((errno = 0, e = readdir(dir)))
        if (strncmp(e->d_name, name, len) == 0 &&
            strchr(after, e->d_name[len])) {
            buf_print(path, "%s/%s", folder, e->d_name);
            break;
        }
    r = e ? 1 : -errno;
    closedir(dir);
    return r;
}

/* 1: an earlier try left the whole file at where; 0: there is none. */
static int
find_earlier(int dirfd, const char *name, const struct delivery *d,
             struct buf *where)
{
    int r = compare(dirfd, where->data, "new", d);

    if (r != -ENOENT)
        return r < 0 ? r : 1;
    if (!is_repeat(d->job))
        return 0;
    buf_clear(where);
    /* A reader adds flags. */
    if ((r = find_in(dirfd, "cur", name, ":,", where)) <= 0)
        return r;
    r = compare(dirfd, where->data, "cur", d);
    return r < 0 ? r : 1;
}

/* A crash left it; or it is still under way, and then comes to nothing. */
static void
clear_tmp(int dirfd, const char *name)
{
    struct buf path = {0};

    while (find_in(dirfd, "tmp", name, ".", &path) > 0 &&
           file_remove(dirfd, path.data) == 0)
        buf_clear(&path);
    buf_free(&path);
}

/* where is set to the path below the Maildir. */
static int
store(struct folders *f, const char *name, const struct delivery *d,
      struct buf *where)
{
    int r;

    if (is_repeat(d->job)) {
        clear_tmp(f->dir, name);
        buf_print(where, "new/%s", name);
        if ((r = find_earlier(f->dir, name, d, where)) != 0)
            return r < 0 ? r : 0;
        buf_clear(where);
    }
    buf_print(where, "new/%s", name);
    r = publish(f, name, d);
    return r == -EEXIST ? compare(f->dir, where->data, "new", d) : r;
}

static void
name_place(char *host, size_t size, const char *home, struct view path)
{
    bool absolute = path.data[0] == '/';

    while (path.len > 1 && path.data[path.len - 1] == '/')
        path.len--;
    if (!absolute && path.len > 2 && memcmp(path.data, "./", 2) == 0)
        path = view_from(path, 2);
    snprintf(host, size, "%s%s%.*s", absolute ? "" : home,
             absolute ? "" : "/", (int)path.len, path.data);
}

enum verdict
maildir_deliver(const struct delivery *d, struct view instruction,
                struct report *r)
{
    struct buf name = {0}, path = {0}, where = {0};
    struct outcome *o = &r->outcome;
    struct folders *f = &d->memory->folders;
    enum verdict v;
    int e;

    buf_addview(&path, instruction);
    maildir_name(&name, d->job, d->me);
    name_place(r->host, sizeof r->host, d->home, instruction);

    if ((e = folders_open(f, path.data)) == 0)
        e = store(f, name.data, d, &where);
    if (e == 0)
        v = outcome_set(o, DONE, "2.0.0", "stored as %s", where.data);
    else if (e == -EEXIST && where.len)
        v = outcome_set(o, LATER, "4.2.0", "another file has the name %s in %s",
                        where.data, r->host);
    else
        v = outcome_errno(o, e, "maildir %s", r->host);

    if (e < 0)
        folders_close(f);
    buf_free(&where);
    buf_free(&path);
    buf_free(&name);
    return v;
}
