#include "queue/failures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"

enum { REPORTS_MAX = 256 << 20 }; /* bytes of bounce/ID */

void
failures_add(struct failures *f, uint32_t index, bool expired,
             const struct outcome *o, const char *host)
{
    struct failure *one;

    if (f->count == f->room) {
        f->room = f->room ? f->room * 2 : 2;
        f->v = mem_grow(f->v, f->room * sizeof *f->v);
    }
    one = &f->v[f->count++];
    memset(one, 0, sizeof *one);
    one->index = index;
    one->expired = expired;
    one->outcome = *o;
    snprintf(one->host, sizeof one->host, "%s", host);
}

void
failures_free(struct failures *f)
{
    free(f->v);
    memset(f, 0, sizeof *f);
}

/* model: reports-write, reports-sync */
int
failures_write(const struct store *s, const struct queued *q,
               const struct failures *f, uint64_t now_ms)
{
    struct buf b = {0};
    id_text name;
    int fd, r = 0;

    for (size_t i = 0; i < f->count; i++) {
        const struct failure *one = &f->v[i];
        struct block block = {
            .time_ms = now_ms,
            .rcpt = one->index,
            .expired = one->expired,
            .code = view_of(one->outcome.code),
            .host = view_of(one->host),
            .why = view_of(one->outcome.text),
            .to = q->envelope.rcpts[one->index].address,
        };

        block_print(&b, q->id, &block);
    }
    fd = openat(s->dirs[PLACE_BOUNCE], id_print(q->id, name),
                O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        r = -errno;
    else if ((r = file_write(fd, b.data, b.len)) == 0 &&
             (r = file_sync(fd)) == 0)
        r = store_sync(s, PLACE_BOUNCE);
    file_close(&fd);
    buf_free(&b);
    return r;
}

int
failures_read(const struct store *s, const struct queued *q,
              struct blocks *blocks)
{
    struct buf file = {0};
    id_text name;
    int r = file_read(s->dirs[PLACE_BOUNCE], id_print(q->id, name),
                      REPORTS_MAX, &file);

    if (r == 0)
        blocks_parse(blocks, q->id, buf_view(&file));
    buf_free(&file);
    return r == -ENOENT ? 0 : r;
}
