#include "queue/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/line.h"
#include "base/mem.h"

enum { SIGN_ROOM = 300 }; /* for a signature line, as at a segment's end */

struct batch_entry {
    uint32_t len; /* of its text; 0: a signature */
    uint64_t *where;
    uint64_t position;
};

struct batch *
batch_new(void)
{
    return mem_alloc(sizeof(struct batch));
}

void
batch_free(struct batch *b)
{
    buf_free(&b->text);
    free(b->entries);
    free(b);
}

void
batch_add(struct batch *b, size_t len, uint64_t *where)
{
    if (b->count == b->room) {
        b->room = b->room ? b->room * 2 : 64;
        b->entries = mem_grow(b->entries, b->room * sizeof *b->entries);
    }
    b->entries[b->count++] =
        (struct batch_entry){.len = (uint32_t)len, .where = where};
}

void
batch_join(struct batch *b, struct batch *more)
{
    buf_addview(&b->text, buf_view(&more->text));
    b->entries = mem_grow(b->entries,
                          (b->count + more->count + 1) * sizeof *b->entries);
    if (more->count)
        memcpy(b->entries + b->count, more->entries,
               more->count * sizeof *b->entries);
    b->count += more->count;
    b->room = b->count + 1;
    batch_free(more);
}

static void
print_sign(const struct ledger_files *f, struct batch *b, struct buf *out)
{
    char sig[CHAIN_SIGNATURE + 1];
    uint64_t at = b->at.position + out->len;
    struct buf text = {0};

    chain_sign(&b->at.chain, at, f->secret, sig);
    date_stamp(&text, date_now());
    buf_addbyte(&text, ' ');
    line_print(&text, "sign position=%ju sig=%s", (uintmax_t)at, sig);
    chain_close(&b->at.chain, out, buf_view(&text));
    buf_free(&text);
    b->at.signed_position = b->at.position + out->len;
    b->at.signed_chain = b->at.chain;
}

/* model: ledger-write, ledger-sync */
static int
put(struct batch *b, struct buf *out)
{
    int r = file_pwrite(b->at.fd, out->data, out->len,
                        b->at.position - b->at.base);

    if (r == 0 && fdatasync(b->at.fd) < 0)
        r = -errno;
    b->at.position += out->len;
    buf_clear(out);
    return r;
}

/* A new segment goes on behind the last line; base is where it starts. */
static int
begin_segment(struct ledger_files *f, struct batch *b, struct buf *out)
{
    char prev[CHAIN_TEXT + 1];
    struct buf text = {0};
    uint64_t after = b->at.position;
    int r;

    uv_mutex_lock(&f->lock);
    do {
        r = segment_take(f->dir, b->at.base, f->size, &b->at.fd);
        if (r == -EEXIST)
            b->at.base += f->size;
    } while (r == -EEXIST);
    uv_mutex_unlock(&f->lock);
    if (r < 0)
        return r;
    b->took_spare = true;
    b->began = b->at.base;
    b->at.end = b->at.base + f->size;
    b->at.position = b->at.base;
    chain_print(&b->at.chain, prev);
    date_stamp(&text, date_now());
    buf_addbyte(&text, ' ');
    line_print(&text, "segment base=%ju size=%ju after=%ju prev=%s",
               (uintmax_t)b->at.base, (uintmax_t)f->size, (uintmax_t)after,
               prev);
    chain_close(&b->at.chain, out, buf_view(&text));
    buf_free(&text);
    return 0;
}

/* The one that was given is needed still, should this fail. */
static void
close_segment(struct batch *b)
{
    if (b->at.fd != b->given)
        file_close(&b->at.fd);
}

static int
end_segment(struct ledger_files *f, struct batch *b, struct buf *out)
{
    int r;

    /* No room: a crash came behind the signature that ended it. */
    if (b->at.position + out->len + SIGN_ROOM <= b->at.end)
        print_sign(f, b, out);
    if ((r = put(b, out)) < 0)
        return r;
    close_segment(b);
    b->at.base = b->at.end;
    return begin_segment(f, b, out);
}

static int
write_lines(struct ledger_files *f, struct batch *b)
{
    struct buf out = {0};
    const char *text = b->text.data;
    int r = 0;

    if (b->at.fd < 0)
        r = begin_segment(f, b, &out);
    for (size_t i = 0; r == 0 && i < b->count; i++) {
        struct batch_entry *e = &b->entries[i];
        size_t need = e->len ? e->len + CHAIN_CLOSE + 1 : SIGN_ROOM;

        if (b->at.position + out.len + need + SIGN_ROOM > b->at.end)
            r = end_segment(f, b, &out);
        if (r < 0)
            break;
        e->position = b->at.position + out.len;
        if (e->len)
            chain_close(&b->at.chain, &out, view_make(text, e->len));
        else
            print_sign(f, b, &out);
        text += e->len;
    }
    if (r == 0)
        r = put(b, &out);
    buf_free(&out);
    return r;
}

/* A segment whose first line was not synced is nothing; without this a disk
 * that fails would be filled with them. */
static void
forget_segment(const struct ledger_files *f, const struct batch *b)
{
    char name[SEGMENT_NAME + 1];

    if (!b->took_spare)
        return;
    segment_name(b->began, name);
    file_remove(f->dir, name);
}

int
batch_write(struct batch *b, struct ledger_files *f)
{
    int r;

    b->given = b->at.fd;
    b->took_spare = false;
    if ((r = write_lines(f, b)) < 0) {
        forget_segment(f, b);
        close_segment(b);
    }
    return r;
}

void
batch_tell(const struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->entries[i].where)
            *b->entries[i].where = b->entries[i].position;
}
