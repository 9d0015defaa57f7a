#include "remote/content.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/file.h"
#include "base/mem.h"

void
content_init(struct content *c, const struct job *job, int fd,
             void (*on_piece)(struct content *))
{
    memset(c, 0, sizeof *c);
    c->fd = fd;
    memcpy(c->digest, job->digest, DIGEST_LEN);
    c->on_piece = on_piece;
    content_rewind(c, job, false);
}

static void
free_convert(struct content *c)
{
    if (c->convert)
        convert_free(c->convert);
    free(c->convert);
    c->convert = NULL;
}

void
content_forget(struct content *c)
{
    c->started = false;
}

void
content_rewind(struct content *c, const struct job *job, bool chunks)
{
    assert(!c->busy);
    free_convert(c);
    c->offset = job->offset;
    c->left = job->length;
    c->wire = (struct wire){.chunks = chunks};
    c->error = 0;
    c->started = c->ready = c->ended = false;
}

struct view
content_piece(const struct content *c)
{
    return view_from(buf_view(&c->piece), CONTENT_ROOM);
}

struct view
content_behind(struct content *c, struct view head)
{
    assert(head.len <= CONTENT_ROOM && c->piece.len >= CONTENT_ROOM);
    memcpy(c->piece.data + CONTENT_ROOM - head.len, head.data, head.len);
    return view_from(buf_view(&c->piece), CONTENT_ROOM - head.len);
}

void
content_free(struct content *c)
{
    assert(!c->busy);
    file_close(&c->fd);
    free(c->sum);
    c->sum = NULL;
    free_convert(c);
    buf_free(&c->piece);
}

bool
content_damaged(const struct content *c)
{
    return c->error == -EBADMSG || c->error == -ENODATA;
}

void
content_convert(struct content *c, uint32_t flags, bool eight_fits)
{
    assert(!c->started && !c->convert);
    c->convert = mem_alloc(sizeof *c->convert);
    convert_init(c->convert, flags, eight_fits);
}

const char *
content_refused(const struct content *c)
{
    return c->error == -EILSEQ && c->convert ? c->convert->refused : NULL;
}

/* The piece as it will be sent.  False: it cannot. */
static bool
dress(struct content *c, struct view raw)
{
    struct buf converted = {0};
    bool good;

    if (!c->convert) {
        wire_add(&c->wire, raw, &c->piece);
        return true;
    }
    good = convert_add(c->convert, raw, c->left == 0, &converted);
    if (good)
        wire_add(&c->wire, buf_view(&converted), &c->piece);
    buf_free(&converted);
    return good;
}

/* A piece as it stands in the file; 0 or a negative errno. */
static int
read_raw(struct content *c, char *raw, size_t *len)
{
    int r;

    *len = c->left < c->piece_max ? (size_t)c->left : c->piece_max;
    if ((r = file_pread(c->fd, raw, *len, c->offset)) < 0)
        return r;
    digest_add(c->sum, raw, *len);
    c->offset += *len;
    c->left -= *len;
    return 0;
}

/* What is refused is read to its end all the same: if it is damaged, it is
 * not the sender's fault. */
static int
read_piece(struct content *c)
{
    char *raw = mem_alloc(c->piece_max);
    unsigned char sum[DIGEST_LEN];
    bool good = true;
    size_t len;
    int r;

    if ((r = read_raw(c, raw, &len)) == 0)
        good = dress(c, view_make(raw, len));
    while (r == 0 && !good && c->left > 0)
        r = read_raw(c, raw, &len);
    free(raw);
    if (r < 0 || c->left > 0)
        return r;
    digest_end(c->sum, sum);
    if (!digest_equal(sum, c->digest))
        return -EBADMSG;
    wire_end(&c->wire, &c->piece);
    return good ? 0 : -EILSEQ;
}

static void
on_pool(uv_work_t *work)
{
    struct content *c = work->data;

    c->error = read_piece(c);
}

static void
on_read(uv_work_t *work, int status)
{
    struct content *c = work->data;

    c->busy = false;
    if (status < 0)
        c->error = status;
    /* The next server may take what this one's form did not allow. */
    if (!c->started && !content_damaged(c))
        c->error = 0;
    c->ready = c->error == 0;
    c->ended = c->ready && c->left == 0;
    c->on_piece(c);
}

/* The whole of a small content, without waiting for a disk: the pool's turn
 * would cost more than the reading.  False: the pool shall see. */
static bool
read_now(struct content *c)
{
    char raw[CONTENT_SMALL_PIECE];
    struct iovec part = {raw, (size_t)c->left};
    unsigned char sum[DIGEST_LEN];
    struct view all;

    if (c->convert || c->left > sizeof raw ||
        preadv2(c->fd, &part, 1, (off_t)c->offset, RWF_NOWAIT) !=
            (ssize_t)c->left)
        return false;
    all = view_make(raw, part.iov_len);
    digest_of(all, sum);
    if (!digest_equal(sum, c->digest))
        return false;
    wire_add(&c->wire, all, &c->piece);
    wire_end(&c->wire, &c->piece);
    c->left = 0;
    return c->ready = c->ended = true;
}

bool
content_read(struct content *c, uv_loop_t *loop, unsigned sessions)
{
    static const char room[CONTENT_ROOM];
    bool fresh = !c->started;

    assert(!c->busy && !c->ended);
    buf_clear(&c->piece);
    buf_add(&c->piece, room, sizeof room);
    c->started = true;
    c->ready = false;
    if (fresh && read_now(c))
        return true;
    if (fresh && !c->sum)
        c->sum = mem_aligned(_Alignof(struct digest), sizeof *c->sum);
    if (fresh)
        digest_init(c->sum);
    c->piece_max = sessions > CONTENT_MANY ? CONTENT_SMALL_PIECE
                                           : CONTENT_PIECE;
    c->busy = true;
    c->work.data = c;
    uv_queue_work(loop, &c->work, on_pool, on_read);
    return false;
}
