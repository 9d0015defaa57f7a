#include "queue/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"

enum {
    ASIDE_MAX = 1000, /* names for one id in broken/ */
    ASIDE_NAME = sizeof(id_text) + 11,
};

static const char *const names[PLACES] = {
    [PLACE_TODO] = "todo",
    [PLACE_INFO] = "info",
    [PLACE_BROKEN] = "broken",
    [PLACE_BOUNCE] = "bounce",
};

int
store_open(struct store *s, const char *queuepath)
{
    int r;

    memset(s, -1, sizeof *s);
    if ((r = file_opendir(&s->queue, AT_FDCWD, queuepath)) < 0)
        return r;
    for (int p = 0; p < PLACES; p++)
        if ((r = file_opendir(&s->dirs[p], s->queue, names[p])) < 0)
            return r;
    return file_opendir(&s->ledger, s->queue, "ledger");
}

void
store_close(struct store *s)
{
    for (int p = 0; p < PLACES; p++)
        file_close(&s->dirs[p]);
    file_close(&s->ledger);
    file_close(&s->queue);
}

const char *
place_name(enum place p)
{
    return names[p];
}

static int
size_of(int fd, uint64_t *size, const char **why)
{
    struct stat st;

    *why = "not a regular file";
    if (fstat(fd, &st) < 0)
        return -errno;
    *size = (uint64_t)st.st_size;
    return S_ISREG(st.st_mode) ? 0 : -ENOTSUP;
}

static int
open_message(const struct store *s, enum place place, uint64_t id, int *fd,
             uint64_t *size, const char **why)
{
    id_text name;
    int r = file_open(fd, s->dirs[place], id_print(id, name));

    *why = "not a regular file";
    if (r == -ELOOP || r == -ENXIO)
        return -ENOTSUP;
    if (r < 0)
        return r;
    return size_of(*fd, size, why);
}

/* The start of a file, read at once: of a small message that is all. */
struct front {
    unsigned char bytes[8192];
    size_t len;
};

static int
take(const struct queued *q, const struct front *f, void *to, size_t len,
     uint64_t offset)
{
    if (offset + len > f->len)
        return file_pread(q->fd, to, len, offset);
    memcpy(to, f->bytes + offset, len);
    return 0;
}

static int
load_envelope(struct queued *q, const struct front *f, const char **why)
{
    unsigned char digest[DIGEST_LEN];
    size_t len = q->header.envelope_length;
    int r;

    buf_reserve(&q->bytes, len);
    if ((r = take(q, f, q->bytes.data, len, header_envelope(&q->header))) < 0)
        return r;
    q->bytes.len = len;
    *why = "envelope does not match its digest";
    digest_of(buf_view(&q->bytes), digest);
    if (!digest_equal(digest, q->header.envelope_digest))
        return -EBADMSG;
    if ((r = envelope_parse(&q->envelope, buf_view(&q->bytes), why)) < 0)
        return r == -ENOTSUP ? r : -EBADMSG;
    *why = "number of recipients does not fit";
    return q->envelope.rcpt_count == q->header.rcpt_count ? 0 : -EBADMSG;
}

static int
load_states(struct queued *q, const struct front *f)
{
    size_t count = q->header.rcpt_count;
    unsigned char *bytes = mem_alloc(count * STATE_LEN);
    int r = take(q, f, bytes, count * STATE_LEN, header_states(&q->header));

    q->states = mem_alloc(count * sizeof *q->states);
    for (uint32_t i = 0; r == 0 && i < count; i++)
        state_parse(&q->states[i], q->id, i, bytes + i * STATE_LEN);
    free(bytes);
    return r;
}

/* The file that is open; of any id where q's is 0. */
static int
load(struct queued *q, uint64_t size, const char **why)
{
    struct front f;
    int r;

    *why = "shorter than a header";
    if (size < CONTENT_OFFSET)
        return -EBADMSG;
    f.len = size < sizeof f.bytes ? (size_t)size : sizeof f.bytes;
    if ((r = file_pread(q->fd, f.bytes, f.len, 0)) < 0 ||
        (r = header_parse(&q->header, f.bytes, why)) < 0)
        return r;
    *why = "name and id differ";
    if (q->id == 0)
        q->id = q->header.id;
    if (q->header.id != q->id)
        return -EBADMSG;
    *why = "size of the file does not fit";
    if (size != header_filesize(&q->header))
        return -EBADMSG;
    if ((r = load_envelope(q, &f, why)) < 0 || (r = load_states(q, &f)) < 0)
        return r;
    q->slot_ok = slot_parse(&q->slot, q->id, f.bytes + SLOT_OFFSET);
    if (!q->slot_ok)
        q->slot = (struct slot){.attempts = 1};
    return 0;
}

static int
loaded(struct queued *q, int r)
{
    /* The size was right a moment ago: a file that shrinks under us is not
     * ours to judge. */
    if (r == -ENODATA)
        r = -EIO;
    if (r < 0)
        queued_free(q);
    return r;
}

int
store_load(const struct store *s, enum place place, uint64_t id,
           struct queued *q, const char **why)
{
    uint64_t size = 0;
    int r;

    memset(q, 0, sizeof *q);
    q->id = id;
    q->place = place;
    q->fd = -1;
    *why = "";
    r = open_message(s, place, id, &q->fd, &size, why);
    return loaded(q, r < 0 ? r : load(q, size, why));
}

int
store_loadfd(int fd, struct queued *q, const char **why)
{
    uint64_t size = 0;
    int r;

    memset(q, 0, sizeof *q);
    q->fd = fd;
    *why = "";
    r = size_of(fd, &size, why);
    return loaded(q, r < 0 ? r : load(q, size, why));
}

void
queued_free(struct queued *q)
{
    file_close(&q->fd);
    envelope_free(&q->envelope);
    buf_free(&q->bytes);
    free(q->states);
    q->states = NULL;
}

int
store_verify(const struct queued *q)
{
    enum { PART = 256 * 1024 };
    char *part = mem_alloc(PART);
    uint64_t left = q->header.content_length, at = CONTENT_OFFSET;
    unsigned char got[DIGEST_LEN];
    struct digest d;
    int r = 0;

    digest_init(&d);
    while (left && r == 0) {
        size_t len = left < PART ? (size_t)left : PART;

        r = file_pread(q->fd, part, len, at);
        if (r == 0)
            digest_add(&d, part, len);
        at += len;
        left -= len;
    }
    digest_end(&d, got);
    free(part);
    if (r == 0 && !digest_equal(got, q->header.content_digest))
        r = -EBADMSG;
    return r;
}

static int
open_reading_header(const struct store *s, enum place place, uint64_t id,
                    struct header *h)
{
    unsigned char front[HEADER_LEN];
    const char *why;
    uint64_t size;
    int fd, r = open_message(s, place, id, &fd, &size, &why);

    if (r == 0 && size < CONTENT_OFFSET)
        r = -EBADMSG;
    if (r == 0 && (r = file_pread(fd, front, sizeof front, 0)) == 0)
        r = header_parse(h, front, &why);
    if (r == 0 && (h->id != id || size != header_filesize(h)))
        r = -EBADMSG;
    file_close(&fd);
    return r;
}

static int
open_writing(const struct store *s, enum place place, uint64_t id, int *fd)
{
    id_text name;

    *fd = openat(s->dirs[place], id_print(id, name),
                 O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    return *fd < 0 ? -errno : 0;
}

/* model: mark */
int
store_mark(const struct store *s, const struct queued *q,
           const uint32_t *which, size_t count)
{
    int fd, r = open_writing(s, q->place, q->id, &fd);

    for (size_t i = 0; r == 0 && i < count; i++) {
        unsigned char record[STATE_LEN];

        state_print(record, q->id, which[i], &q->states[which[i]]);
        r = file_pwrite(fd, record, STATE_LEN,
                        header_states(&q->header) +
                            (uint64_t)which[i] * STATE_LEN);
    }
    file_close(&fd);
    return r;
}

int
store_markone(const struct store *s, enum place place, uint64_t id,
              uint64_t index, const struct state *state)
{
    unsigned char record[STATE_LEN];
    struct header h;
    int fd, r = open_reading_header(s, place, id, &h);

    if (r < 0 || index >= h.rcpt_count)
        return r;
    state_print(record, id, (uint32_t)index, state);
    if ((r = open_writing(s, place, id, &fd)) == 0)
        r = file_pwrite(fd, record, STATE_LEN,
                        header_states(&h) + index * STATE_LEN);
    file_close(&fd);
    return r;
}

int
store_slot(const struct store *s, enum place place, uint64_t id,
           const struct slot *slot)
{
    unsigned char bytes[SLOT_LEN];
    int fd, r = open_writing(s, place, id, &fd);

    slot_print(bytes, id, slot);
    if (r == 0)
        r = file_pwrite(fd, bytes, SLOT_LEN, SLOT_OFFSET);
    file_close(&fd);
    return r;
}

static int
link_as(const struct store *s, enum place from, uint64_t id, enum place to,
        const char *as)
{
    struct stat a, b;
    id_text name;

    id_print(id, name);
    if (linkat(s->dirs[from], name, s->dirs[to], as, 0) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (fstatat(s->dirs[from], name, &a, AT_SYMLINK_NOFOLLOW) < 0 ||
        fstatat(s->dirs[to], as, &b, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return a.st_ino == b.st_ino && a.st_dev == b.st_dev ? 0 : -EEXIST;
}

int
store_link(const struct store *s, enum place from, enum place to, uint64_t id)
{
    id_text name;

    return link_as(s, from, id, to, id_print(id, name));
}

static const char *
aside_name(uint64_t id, unsigned suffix, char name[ASIDE_NAME])
{
    id_text plain;

    id_print(id, plain);
    if (suffix)
        snprintf(name, ASIDE_NAME, "%s.%u", plain, suffix);
    else
        snprintf(name, ASIDE_NAME, "%s", plain);
    return name;
}

int
store_aside(const struct store *s, enum place from, uint64_t id,
            unsigned *suffix)
{
    char name[ASIDE_NAME];
    int r = -EEXIST;

    for (*suffix = 0; r == -EEXIST && *suffix < ASIDE_MAX; ++*suffix)
        r = link_as(s, from, id, PLACE_BROKEN,
                    aside_name(id, *suffix, name));
    --*suffix;
    return r;
}

int
store_unaside(const struct store *s, uint64_t id, unsigned suffix)
{
    char name[ASIDE_NAME];

    return file_remove(s->dirs[PLACE_BROKEN], aside_name(id, suffix, name));
}

int
store_unlink(const struct store *s, enum place place, uint64_t id)
{
    id_text name;

    return file_remove(s->dirs[place], id_print(id, name));
}

int
store_sync(const struct store *s, enum place place)
{
    return file_sync(s->dirs[place]);
}

int
store_has(const struct store *s, enum place place, uint64_t id)
{
    struct stat st;
    id_text name;

    if (fstatat(s->dirs[place], id_print(id, name), &st,
                AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : -errno;
}

int
store_list(const struct store *s, enum place place,
           bool (*each)(void *data, uint64_t id), void *data, size_t *foreign)
{
    int fd = openat(s->dirs[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    uint64_t id;
    int r;

    *foreign = 0;
    if (!dir) {
        r = -errno;
        file_close(&fd);
        return r;
    }
    for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
        struct view name = view_of(d->d_name);
        id_text back;

        if (id_parse(name, &id) && view_is(name, id_print(id, back))) {
            if (!each(data, id))
                break;
        } else if (d->d_name[0] != '.') {
            ++*foreign;
        }
    }
    r = -errno;
    closedir(dir);
    return r;
}
