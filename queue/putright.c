#include "queue/putright.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"

enum { NAMES_MAX = 1000 }; /* for one id in broken/ */

int
putright_rights(int dir, const char *name, mode_t type, uint32_t uid,
                uint32_t gid, mode_t mode)
{
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    char self[40];
    struct stat st;
    int r = 0;

    if (fd < 0)
        return -errno;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (fstat(fd, &st) < 0)
        r = -errno;
    else if ((st.st_mode & S_IFMT) != type ||
             (S_ISREG(st.st_mode) && st.st_nlink > 1))
        r = -EINVAL;
    /* Owner first: a change of it takes bits of the mode away. */
    else if (((st.st_uid != uid || st.st_gid != gid) &&
              fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0) ||
             chmod(self, mode) < 0)
        r = -errno;
    file_close(&fd);
    if (r == 0 && S_ISREG(type) && (r = file_open(&fd, dir, name)) == 0)
        r = file_sync(fd);
    file_close(&fd);
    return r;
}

static int
set_rights(const struct inspect *in, enum spot spot, int fd)
{
    const struct rights *r = &in->rights;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (rights_right(r, spot, st.st_uid, st.st_gid, st.st_mode & 07777))
        return 0;
    if (fchown(fd, r->spool, r->split ? r->group : st.st_gid) < 0 ||
        fchmod(fd, rights_mode(spot)) < 0)
        return -errno;
    return 0;
}

/* What the ledger has recorded while the file was not in its folder. */
static int
apply(const struct inspect *in, uint64_t id, int fd)
{
    const struct fate_of *f = fates_find(&in->fates, id);
    const char *why;
    struct queued q;
    int own = dup(fd), r = own < 0 ? -errno : store_loadfd(own, &q, &why);

    if (r < 0)
        return r;
    if (q.id != id)
        r = -EIO;
    for (size_t i = 0; f && r == 0 && i < f->count; i++) {
        unsigned char record[STATE_LEN];

        if (i >= q.header.rcpt_count || f->states[i].state == OWED)
            continue;
        state_print(record, id, (uint32_t)i, &f->states[i]);
        r = file_pwrite(fd, record, STATE_LEN,
                        header_states(&q.header) + i * STATE_LEN);
    }
    if (f && r == 0 && f->hold >= 0 && q.slot.hold != (f->hold == 1)) {
        unsigned char bytes[SLOT_LEN];

        q.slot.hold = f->hold == 1;
        slot_print(bytes, id, &q.slot);
        r = file_pwrite(fd, bytes, SLOT_LEN, SLOT_OFFSET);
    }
    queued_free(&q);
    return r;
}

static enum place
place_of(enum act act)
{
    return act == ACT_TODO     ? PLACE_TODO
           : act == ACT_INFO   ? PLACE_INFO
           : act == ACT_BOUNCE ? PLACE_BOUNCE
                               : PLACE_BROKEN;
}

static void
base_name(struct buf *b, enum spot spot, const char *name, enum act act,
          uint64_t id)
{
    id_text text;

    id_print(id, text);
    if (act != ACT_BROKEN)
        buf_addstr(b, text);
    else if (spot == SPOT_BOUNCE)
        buf_print(b, "%s.bounce", name);
    else if (*name == '.')
        buf_print(b, "%s.unfinished", name + 1);
    else
        buf_addstr(b, spot == SPOT_LOST ? text : name);
}

void
putright_target(struct buf *b, enum spot spot, const char *name, enum act act,
                uint64_t id)
{
    if (act < ACT_TODO)
        return;
    buf_print(b, "%s/", place_name(place_of(act)));
    base_name(b, spot, name, act, id);
}

/* As store_link, of any two names; 1: the name was there. */
static int
give_name(int from, const char *name, int to, const char *as)
{
    struct stat a, b;

    if (linkat(from, name, to, as, 0) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (fstatat(from, name, &a, AT_SYMLINK_NOFOLLOW) < 0 ||
        fstatat(to, as, &b, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return a.st_ino == b.st_ino && a.st_dev == b.st_dev ? 1 : -EEXIST;
}

/* In broken/ the first name that is free, elsewhere the one; on disk.  A
 * failed sync is not synced again and believed: the name is taken back, and
 * given anew the next time. */
static int
give_synced(int from, const char *name, int to, const char *base, bool any)
{
    struct buf as = {0};
    int r, e;

    buf_addstr(&as, base);
    r = give_name(from, name, to, as.data);
    for (unsigned n = 1; any && r == -EEXIST && n < NAMES_MAX; n++) {
        buf_clear(&as);
        buf_print(&as, "%s.%u", base, n);
        r = give_name(from, name, to, as.data);
    }
    if (r >= 0 && (e = file_sync(to)) < 0) {
        if (r == 0)
            unlinkat(to, as.data, 0);
        r = e;
    }
    buf_free(&as);
    return r < 0 ? r : 0;
}

static int
copy_bytes(int from, int to)
{
    enum { PART = 256 * 1024 };
    char *part = mem_alloc(PART);
    off_t at = 0;
    ssize_t n;
    int r = 0;

    while (r == 0 && (n = pread(from, part, PART, at)) != 0) {
        r = n < 0 ? -errno : file_pwrite(to, part, (size_t)n, (uint64_t)at);
        at += n;
    }
    free(part);
    return r;
}

/* A file of another file system: the copy has to be whole by itself. */
static int
verify_copy(enum act act, uint64_t id, int fd)
{
    const char *why;
    struct queued q;
    int own, r;

    if (act != ACT_TODO && act != ACT_INFO)
        return 0;
    if ((own = dup(fd)) < 0)
        return -errno;
    r = store_loadfd(own, &q, &why);
    if (r == 0) {
        r = q.id == id ? store_verify(&q) : -EIO;
        queued_free(&q);
    }
    return r;
}

/* Writes under a name of its own in the folder, which nobody takes for a
 * message, and gives it the right one when it is on disk. */
static int
copy_in(const struct inspect *in, int from, enum act act, const char *base,
        uint64_t id)
{
    enum place place = place_of(act);
    int dir = in->dirs[place], fd, r;
    char dot[ID_LEN + 2];
    id_text text;

    snprintf(dot, sizeof dot, ".%s",
             id_print(id_make(date_now(), randombytes_random()), text));
    fd = openat(dir, dot, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if ((r = copy_bytes(from, fd)) == 0 &&
        (r = verify_copy(act, id, fd)) == 0 &&
        (r = set_rights(in, (enum spot)place, fd)) == 0 &&
        (act == ACT_BOUNCE || act == ACT_BROKEN ||
         (r = apply(in, id, fd)) == 0) &&
        (r = file_sync(fd)) == 0)
        r = give_synced(dir, dot, dir, base, act == ACT_BROKEN);
    /* The copy's own name; what was copied stands where it stood. */
    unlinkat(dir, dot, 0);
    file_close(&fd);
    return r;
}

static int
move(const struct inspect *in, enum spot spot, const char *name, enum act act,
     uint64_t id)
{
    int from = in->dirs[spot], to = in->dirs[place_of(act)], fd, r;
    bool message = act == ACT_TODO || act == ACT_INFO;
    struct buf base = {0};

    fd = openat(from, name,
                (message && spot != SPOT_FILE ? O_RDWR : O_RDONLY) |
                    O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    base_name(&base, spot, name, act, id);
    if (spot == SPOT_FILE) {
        r = copy_in(in, fd, act, base.data, id);
    } else if ((r = set_rights(in, (enum spot)place_of(act), fd)) == 0 &&
               (!message || (r = apply(in, id, fd)) == 0) &&
               (r = file_sync(fd)) == 0 &&
               (r = give_synced(from, name, to, base.data,
                                act == ACT_BROKEN)) == 0 &&
               unlinkat(from, name, 0) < 0) {
        r = -errno;
    }
    /* A lost+found of another file system: the original stays there. */
    if (r == -EXDEV)
        r = copy_in(in, fd, act, base.data, id);
    buf_free(&base);
    file_close(&fd);
    return r;
}

/* The other name is on disk before this one goes. */
static int
drop(const struct inspect *in, enum spot spot, const char *name, uint64_t id)
{
    static const enum place order[] = {PLACE_TODO, PLACE_INFO, PLACE_BROKEN,
                                       PLACE_BOUNCE};
    struct stat mine, its;
    id_text text;

    id_print(id, text);
    if (fstatat(in->dirs[spot], name, &mine, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        int dir = in->dirs[order[i]], r;

        if ((dir == in->dirs[spot] && strcmp(name, text) == 0) ||
            fstatat(dir, text, &its, AT_SYMLINK_NOFOLLOW) < 0 ||
            mine.st_ino != its.st_ino || mine.st_dev != its.st_dev)
            continue;
        if ((r = file_sync(dir)) < 0)
            return r;
        return unlinkat(in->dirs[spot], name, 0) < 0 ? -errno : 0;
    }
    return -EAGAIN;
}

int
putright(const struct inspect *in, enum spot spot, const char *name,
         enum act act, uint64_t id)
{
    const struct rights *r = &in->rights;
    struct stat st;

    if (act == ACT_DROP)
        return drop(in, spot, name, id);
    if (act != ACT_RIGHTS)
        return move(in, spot, name, act, id);
    if (fstatat(in->dirs[spot], name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return putright_rights(in->dirs[spot], name, S_IFREG, r->spool,
                           r->split ? r->group : st.st_gid,
                           rights_mode(spot));
}
