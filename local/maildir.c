#include "local/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "local/publish.h"

enum { PIECE = 16384 }; /* on the stack, in each deliverer */

bool
maildir_claims(struct view instruction)
{
    return instruction.len >= 2 &&
           (instruction.data[0] == '.' || instruction.data[0] == '/') &&
           instruction.data[instruction.len - 1] == '/';
}

void
maildir_name(struct buf *b, const struct delivery *d, const char *me)
{
    unsigned char hash[DIGEST_LEN];
    size_t end;
    id_text id;

    digest_of(d->rcpt, hash);
    buf_print(b, "%ju.G%sR%02x%02x%02x%02x.", (uintmax_t)d->birth,
              id_print(d->id, id), hash[0], hash[1], hash[2], hash[3]);
    end = b->len + MAILDIR_ME_MAX;
    for (size_t i = 0; me[i] && b->len < end; i++)
        if (me[i] == '/' || me[i] == ':')
            buf_print(b, "\\%03o", (unsigned)me[i]);
        else
            buf_addbyte(b, me[i]);
}

static int
compare_open(int fd, const struct delivery *d)
{
    unsigned char have[DIGEST_LEN];
    uint64_t at, end = d->header.len + d->length;
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
    return digest_equal(have, d->digest) ? file_sync(fd) : -EEXIST;
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
    if (!d->repeat)
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

/* The path from an account's home, or from the root. */
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

/* r: 0, or the errno that where, if it came so far, was not stored for. */
static void
settle(struct delivery *d, const char *where, int r)
{
    struct outcome *o = &d->report.outcome;

    d->over = true;
    if (r == 0)
        outcome_set(o, DONE, "2.0.0", "stored as %s", where);
    else if (r == -EEXIST && where)
        outcome_set(o, LATER, "4.2.0", "another file has the name %s in %s",
                    where, d->report.host);
    else
        outcome_errno(o, r, "maildir %s", d->report.host);
}

/* Whether d is over already: it has been stored before, or nobody knows. */
static bool
was_stored(const struct folders *f, struct delivery *d, const char *name)
{
    struct buf where = {0};
    int r;

    if (!d->repeat)
        return false;
    clear_tmp(f->dir, name);
    buf_print(&where, "new/%s", name);
    if ((r = find_earlier(f->dir, name, d, &where)) != 0)
        settle(d, where.data, r < 0 ? r : 0);
    buf_free(&where);
    return d->over;
}

/* What publish() made of it. */
static void
settle_posting(const struct folders *f, struct delivery *d,
               const struct posting *p)
{
    struct buf where = {0};
    int r = p->result;

    buf_print(&where, "new/%s", p->name);
    if (r == -EEXIST)
        r = compare(f->dir, where.data, "new", d);
    settle(d, where.data, r);
    buf_free(&where);
}

/* Of each delivery its name and, where it has one, its posting. */
static void
store(struct deliver_place *at, struct delivery *all, size_t count)
{
    struct delivery *of[PARCEL_MAX];
    struct posting postings[PARCEL_MAX];
    struct buf names[PARCEL_MAX] = {{0}};
    struct folders *f = &at->folders;
    size_t i, n = 0;

    for (i = 0; i < count; i++) {
        if (all[i].over)
            continue;
        maildir_name(&names[i], &all[i], at->me);
        if (was_stored(f, &all[i], names[i].data))
            continue;
        postings[n].delivery = of[n] = &all[i];
        postings[n++].name = names[i].data;
    }
    publish(f, postings, n);
    for (i = 0; i < n; i++)
        settle_posting(f, of[i], &postings[i]);
    for (i = 0; i < count; i++)
        buf_free(&names[i]);
}

void
maildir_deliver(struct deliver_place *at, struct delivery *all, size_t count,
                struct view instruction)
{
    struct buf path = {0};
    bool bad = false;
    size_t i;
    int r;

    buf_addview(&path, instruction);
    r = folders_open(&at->folders, path.data);
    for (i = 0; i < count; i++) {
        struct delivery *d = &all[i];

        if (d->over)
            continue;
        name_place(d->report.host, sizeof d->report.host, at->home,
                   instruction);
        if (r < 0)
            settle(d, NULL, r);
    }
    if (r == 0)
        store(at, all, count);
    for (i = 0; i < count; i++)
        bad |= all[i].report.outcome.verdict != DONE;
    if (bad)
        folders_close(&at->folders);
    buf_free(&path);
}
