#include "remote/content.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

void
content_init(struct content *c, const struct job *job, int fd,
             void (*on_piece)(struct content *))
{
    memset(c, 0, sizeof *c);
    c->fd = fd;
    c->offset = job->offset;
    c->left = job->length;
    memcpy(c->digest, job->digest, DIGEST_LEN);
    c->sum = mem_aligned(_Alignof(struct digest), sizeof *c->sum);
    digest_init(c->sum);
    c->on_piece = on_piece;
}

void
content_free(struct content *c)
{
    assert(!c->busy);
    file_close(&c->fd);
    free(c->sum);
    c->sum = NULL;
    buf_free(&c->piece);
}

bool
content_damaged(const struct content *c)
{
    return c->error == -EBADMSG || c->error == -ENODATA;
}

static int
read_piece(struct content *c)
{
    size_t len = c->left < c->piece_max ? (size_t)c->left : c->piece_max;
    char *raw = mem_alloc(len);
    unsigned char sum[DIGEST_LEN];
    int r = file_pread(c->fd, raw, len, c->offset);

    if (r == 0) {
        digest_add(c->sum, raw, len);
        wire_add(&c->wire, view_make(raw, len), &c->piece);
        c->offset += len;
        c->left -= len;
    }
    free(raw);
    if (r < 0 || c->left > 0)
        return r;
    digest_end(c->sum, sum);
    if (!digest_equal(sum, c->digest))
        return -EBADMSG;
    wire_end(&c->wire, &c->piece);
    return 0;
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
    c->ready = c->error == 0;
    c->ended = c->ready && c->left == 0;
    c->on_piece(c);
}

void
content_read(struct content *c, uv_loop_t *loop, unsigned sessions)
{
    assert(!c->busy && !c->ended);
    c->busy = true;
    c->ready = false;
    c->piece_max = sessions > CONTENT_MANY ? CONTENT_SMALL_PIECE
                                           : CONTENT_PIECE;
    buf_clear(&c->piece);
    c->work.data = c;
    uv_queue_work(loop, &c->work, on_pool, on_read);
}
