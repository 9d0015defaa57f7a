#include "queue/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/line.h"
#include "base/mem.h"

static bool
is_segment(const char *name, uint64_t *base)
{
    char back[SEGMENT_NAME + 1];

    if (strlen(name) != SEGMENT_NAME)
        return false;
    *base = strtoull(name, NULL, 16);
    segment_name(*base, back);
    return strcmp(back, name) == 0;
}

static int
ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

int
segments_list(int ledgerdir, struct segments *s)
{
    int fd = openat(ledgerdir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    uint64_t base;
    size_t room = 0;
    int r;

    memset(s, 0, sizeof *s);
    if (!dir) {
        r = -errno;
        file_close(&fd);
        return r;
    }
    for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
        struct stat st = {0};

        if (!is_segment(d->d_name, &base))
            continue;
        if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
            errno != ENOENT)
            break;
        /* What somebody else put there is not ours to read. */
        if (!S_ISREG(st.st_mode))
            continue;
        if (s->count == room) {
            room = room ? room * 2 : 16;
            s->bases = mem_grow(s->bases, room * sizeof *s->bases);
        }
        s->bases[s->count++] = base;
    }
    r = -errno;
    closedir(dir);
    if (s->count)
        qsort(s->bases, s->count, sizeof *s->bases, ascending);
    return r;
}

void
segments_free(struct segments *s)
{
    free(s->bases);
    memset(s, 0, sizeof *s);
}

void
segment_name(uint64_t base, char name[SEGMENT_NAME + 1])
{
    snprintf(name, SEGMENT_NAME + 1, "%016jx", (uintmax_t)base);
}

static int
fill(int fd, uint64_t size)
{
    char *blank = mem_alloc(1 << 18);
    int r = 0;

    memset(blank, '\n', 1 << 18);
    for (uint64_t done = 0; r == 0 && done < size; done += 1 << 18) {
        uint64_t part = size - done < 1 << 18 ? size - done : 1 << 18;

        r = file_pwrite(fd, blank, part, done);
    }
    free(blank);
    return r == 0 ? file_sync(fd) : r;
}

int
segment_spare(int ledgerdir, uint64_t size)
{
    struct stat st;
    int fd, r;

    /* With a second name it became a segment already: a crash came before
     * it lost its first. */
    if (fstatat(ledgerdir, "spare", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode) && (uint64_t)st.st_size == size &&
        st.st_nlink == 1)
        return 0;
    if ((r = file_anew(&fd, ledgerdir, "spare.new", 0600)) < 0)
        return r;
    r = fill(fd, size);
    file_close(&fd);
    if (r == 0 && renameat(ledgerdir, "spare.new", ledgerdir, "spare") < 0)
        r = -errno;
    if (r < 0)
        file_remove(ledgerdir, "spare.new");
    return r == 0 ? file_syncdir(ledgerdir, ".") : r;
}

int
segment_take(int ledgerdir, uint64_t base, uint64_t size, int *fd)
{
    char name[SEGMENT_NAME + 1];
    int r;

    *fd = -1;
    segment_name(base, name);
    if ((r = segment_spare(ledgerdir, size)) < 0)
        return r;
    if (linkat(ledgerdir, "spare", ledgerdir, name, 0) < 0)
        return -errno;
    *fd = openat(ledgerdir, name, O_WRONLY | O_CLOEXEC);
    r = *fd < 0 ? -errno : 0;
    if (r == 0 && (r = file_remove(ledgerdir, "spare")) == 0)
        r = file_syncdir(ledgerdir, ".");
    /* A name left behind would push the ledger's beginning away. */
    if (r < 0) {
        file_close(fd);
        file_remove(ledgerdir, name);
    }
    return r;
}

static bool
get_chain(struct view line, const char *key, struct chain *c)
{
    struct buf b = {0};
    bool ok = line_get(line, key, &b) && chain_parse(c, buf_view(&b));

    buf_free(&b);
    return ok;
}

int
head_read(int ledgerdir, struct ledger_head *h)
{
    struct buf b = {0};
    struct view all, line = {"", 0};
    int r = file_read(ledgerdir, "head", 4096, &b);

    memset(h, 0, sizeof *h);
    all = buf_view(&b);
    if (r == 0 && (!view_line(&all, &line) ||
                   !line_getnumber(line, "position", &h->position) ||
                   !line_getnumber(line, "upto", &h->upto) ||
                   !get_chain(line, "hash", &h->chain) ||
                   !get_chain(line, "uptohash", &h->upto_chain)))
        r = -EBADMSG;
    buf_free(&b);
    return r;
}

int
head_write(int ledgerdir, const struct ledger_head *h)
{
    char hash[CHAIN_TEXT + 1], upto[CHAIN_TEXT + 1];
    struct buf b = {0};
    int r;

    chain_print(&h->chain, hash);
    chain_print(&h->upto_chain, upto);
    line_print(&b, "head position=%ju hash=%s upto=%ju uptohash=%s",
               (uintmax_t)h->position, hash, (uintmax_t)h->upto, upto);
    buf_addbyte(&b, '\n');
    r = file_replace(ledgerdir, "head", buf_view(&b), 0600);
    buf_free(&b);
    return r;
}
