#include "queue/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/line.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    SIGN_ROOM = 300,       /* for a signature line, as at a segment's end */
    AGAIN_MS = 1000,       /* after a failure; doubles */
    AGAIN_MAX_MS = 64000,
    GATHER_MS = 10,
    GATHER_SHARE = 2,
    BLOCKED_LINES = 65536, /* waiting in memory for the sync */
};

struct entry {
    uint32_t len; /* of its text; 0: a signature */
    uint64_t *where;
    uint64_t position;
};

/* Lines that go out together, and where the ledger stands behind them. */
struct ledger_batch {
    struct buf text;
    struct entry *entries;
    size_t count, room;
    /* Of the flush; copied back to the ledger when it went well. */
    int fd;
    uint64_t base, end, position, signed_position;
    struct chain chain, signed_chain;
    bool took_spare;       /* a segment was begun in this flush */
    uint64_t began;        /* its base */
    int result;
};

void
ledger_init(struct ledger *l, uv_loop_t *loop, int dir, uint64_t size,
            const unsigned char secret[64])
{
    memset(l, 0, sizeof *l);
    l->loop = loop;
    l->dir = dir;
    l->size = size;
    l->fd = -1;
    memcpy(l->secret, secret, sizeof l->secret);
    l->waits_end = &l->waits;
    l->collecting = mem_alloc(sizeof *l->collecting);
    l->work.data = l->spare_work.data = l->again.data = l;
    uv_mutex_init(&l->segments_lock);
    uv_timer_init(loop, &l->again);
    l->gather.data = l;
    uv_timer_init(loop, &l->gather);
}

int
ledger_goon(struct ledger *l, uint64_t base, uint64_t position,
            const struct chain *chain, bool fresh)
{
    char name[SEGMENT_NAME + 1];
    struct stat st;

    l->base = base;
    l->position = position;
    l->chain = *chain;
    l->end = base;
    if (fresh)
        return 0;
    segment_name(base, name);
    l->fd = openat(l->dir, name, O_WRONLY | O_CLOEXEC);
    if (l->fd < 0 || fstat(l->fd, &st) < 0)
        return -errno;
    l->end = base + (uint64_t)st.st_size;
    return 0;
}

static void
stamp(struct ledger *l)
{
    uint64_t now = date_now();

    if (now != l->stamp_ms) {
        buf_clear(&l->stamp);
        date_stamp(&l->stamp, now);
        l->stamp_ms = now;
    }
}

static struct entry *
add_entry(struct ledger *l, uint64_t *where)
{
    struct ledger_batch *b = l->collecting;

    if (b->count == b->room) {
        b->room = b->room ? b->room * 2 : 64;
        b->entries = mem_grow(b->entries, b->room * sizeof *b->entries);
    }
    l->appended++;
    b->entries[b->count] = (struct entry){.where = where};
    return &b->entries[b->count++];
}

void
ledger_line(struct ledger *l, uint64_t *where, const char *fmt, ...)
{
    struct entry *e = add_entry(l, where);
    struct buf *text = &l->collecting->text;
    size_t before = text->len;
    va_list ap;

    stamp(l);
    buf_addview(text, buf_view(&l->stamp));
    buf_addbyte(text, ' ');
    va_start(ap, fmt);
    line_vprint(text, fmt, ap);
    va_end(ap);
    e->len = (uint32_t)(text->len - before);
}

void
ledger_sign(struct ledger *l)
{
    add_entry(l, NULL);
}

static void
print_sign(struct ledger *l, struct ledger_batch *b, struct buf *out)
{
    char sig[CHAIN_SIGNATURE + 1];
    uint64_t at = b->position + out->len;
    struct buf text = {0};

    chain_sign(&b->chain, at, l->secret, sig);
    date_stamp(&text, date_now());
    buf_addbyte(&text, ' ');
    line_print(&text, "sign position=%ju sig=%s", (uintmax_t)at, sig);
    chain_close(&b->chain, out, buf_view(&text));
    buf_free(&text);
    b->signed_position = b->position + out->len;
    b->signed_chain = b->chain;
}

/* model: ledger-write, ledger-sync */
static int
put(struct ledger_batch *b, struct buf *out)
{
    int r = file_pwrite(b->fd, out->data, out->len, b->position - b->base);

    if (r == 0 && fdatasync(b->fd) < 0)
        r = -errno;
    b->position += out->len;
    buf_clear(out);
    return r;
}

/* A new segment goes on behind the last line; base is where it starts. */
static int
begin_segment(struct ledger *l, struct ledger_batch *b, struct buf *out)
{
    char prev[CHAIN_TEXT + 1];
    struct buf text = {0};
    uint64_t after = b->position;
    int r;

    uv_mutex_lock(&l->segments_lock);
    do {
        r = segment_take(l->dir, b->base, l->size, &b->fd);
        if (r == -EEXIST)
            b->base += l->size;
    } while (r == -EEXIST);
    uv_mutex_unlock(&l->segments_lock);
    if (r < 0)
        return r;
    b->took_spare = true;
    b->began = b->base;
    b->end = b->base + l->size;
    b->position = b->base;
    chain_print(&b->chain, prev);
    date_stamp(&text, date_now());
    buf_addbyte(&text, ' ');
    line_print(&text, "segment base=%ju size=%ju after=%ju prev=%s",
               (uintmax_t)b->base, (uintmax_t)l->size, (uintmax_t)after,
               prev);
    chain_close(&b->chain, out, buf_view(&text));
    buf_free(&text);
    return 0;
}

static int
end_segment(struct ledger *l, struct ledger_batch *b, struct buf *out)
{
    int r;

    /* No room: a crash came behind the signature that ended it. */
    if (b->position + out->len + SIGN_ROOM <= b->end)
        print_sign(l, b, out);
    if ((r = put(b, out)) < 0)
        return r;
    /* l->fd is closed when the flush went well. */
    if (b->fd != l->fd)
        file_close(&b->fd);
    b->base = b->end;
    return begin_segment(l, b, out);
}

static int
write_batch(struct ledger *l, struct ledger_batch *b)
{
    struct buf out = {0};
    const char *text = b->text.data;
    int r = 0;

    if (b->fd < 0)
        r = begin_segment(l, b, &out);
    for (size_t i = 0; r == 0 && i < b->count; i++) {
        struct entry *e = &b->entries[i];
        size_t need = e->len ? e->len + CHAIN_CLOSE + 1 : SIGN_ROOM;

        if (b->position + out.len + need + SIGN_ROOM > b->end)
            r = end_segment(l, b, &out);
        if (r < 0)
            break;
        e->position = b->position + out.len;
        if (e->len)
            chain_close(&b->chain, &out, view_make(text, e->len));
        else
            print_sign(l, b, &out);
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
forget_segment(struct ledger *l, struct ledger_batch *b)
{
    char name[SEGMENT_NAME + 1];

    if (!b->took_spare)
        return;
    segment_name(b->began, name);
    file_remove(l->dir, name);
}

static void
flush_work(uv_work_t *work)
{
    struct ledger *l = work->data;
    struct ledger_batch *b = l->flushing;

    b->result = write_batch(l, b);
    if (b->result < 0)
        forget_segment(l, b);
}

static void
spare_work(uv_work_t *work)
{
    struct ledger *l = work->data;
    int r;

    uv_mutex_lock(&l->segments_lock);
    r = segment_spare(l->dir, l->size);
    uv_mutex_unlock(&l->segments_lock);
    if (r < 0)
        log_event("ledger doing=spare why=%s", strerror(-r));
}

static void
spare_done(uv_work_t *work, int status)
{
    struct ledger *l = work->data;

    (void)status;
    l->sparing = false;
}

static void
make_spare(struct ledger *l)
{
    if (l->sparing)
        return;
    l->sparing = true;
    uv_queue_work(l->loop, &l->spare_work, spare_work, spare_done);
}

static void
call_waits(struct ledger *l)
{
    while (l->waits && l->waits->seq <= l->synced) {
        struct ledger_wait *w = l->waits;

        l->waits = w->next;
        if (!l->waits)
            l->waits_end = &l->waits;
        w->done(w);
    }
}

static void start(struct ledger *l);
static void start_gathered(struct ledger *l);

static void
on_again(uv_timer_t *t)
{
    struct ledger *l = t->data;

    l->busy = false;
    start(l);
}

/* The lines go, with those that came since, to a segment of their own. */
static void
flush_failed(struct ledger *l, struct ledger_batch *b)
{
    struct ledger_batch *later = l->collecting;
    uint64_t again;

    log_event("ledger doing=write position=%ju why=%s "
              "then=\"no new deliveries; trying a new segment\"",
              (uintmax_t)l->position, strerror(-b->result));
    if (b->fd != l->fd)
        file_close(&b->fd);
    l->base = l->end;
    file_close(&l->fd);
    buf_addview(&b->text, buf_view(&later->text));
    b->entries = mem_grow(b->entries,
                          (b->count + later->count + 1) * sizeof *b->entries);
    if (later->count)
        memcpy(b->entries + b->count, later->entries,
               later->count * sizeof *b->entries);
    b->count += later->count;
    b->room = b->count + 1;
    buf_free(&later->text);
    free(later->entries);
    free(later);
    l->collecting = b;
    l->flushing = NULL;
    l->failing = true;
    again = (uint64_t)AGAIN_MS << (l->failures < 6 ? l->failures : 6);
    l->failures++;
    uv_timer_start(&l->again, on_again,
                   again < AGAIN_MAX_MS ? again : AGAIN_MAX_MS, 0);
}

static void
on_flushed(uv_work_t *work, int status)
{
    struct ledger *l = work->data;
    struct ledger_batch *b = l->flushing;

    if (status < 0)
        b->result = status;
    if (b->result < 0) {
        flush_failed(l, b);
        return;
    }
    if (b->fd != l->fd)
        file_close(&l->fd);
    l->fd = b->fd;
    l->base = b->base;
    l->end = b->end;
    l->position = b->position;
    l->chain = b->chain;
    l->signed_position = b->signed_position;
    l->signed_chain = b->signed_chain;
    for (size_t i = 0; i < b->count; i++)
        if (b->entries[i].where)
            *b->entries[i].where = b->entries[i].position;
    l->synced += b->count;
    l->syncs++;
    l->flushing = NULL;
    l->busy = false;
    if (b->took_spare)
        make_spare(l);
    buf_free(&b->text);
    free(b->entries);
    free(b);
    if (l->failing)
        log_event("ledger doing=write position=%ju now=\"works again\"",
                  (uintmax_t)l->position);
    l->failing = false;
    l->failures = 0;
    if (l->asked && !ledger_blocked(l)) {
        l->asked = false;
        if (l->recovered)
            l->recovered(l->data);
    }
    call_waits(l);
    if (l->waits)
        start_gathered(l);
}

static void
start(struct ledger *l)
{
    struct ledger_batch *b = l->collecting;

    if (l->busy || b->count == 0)
        return;
    b->fd = l->fd;
    b->base = l->base;
    b->end = l->end;
    b->position = l->position;
    b->chain = l->chain;
    b->signed_position = l->signed_position;
    b->signed_chain = l->signed_chain;
    b->took_spare = false;
    l->busy = true;
    l->waiting = 0;
    uv_timer_stop(&l->gather);
    l->flushing = b;
    l->collecting = mem_alloc(sizeof *l->collecting);
    uv_queue_work(l->loop, &l->work, flush_work, on_flushed);
}

static void
on_gathered(uv_timer_t *t)
{
    start(t->data);
}

static void
start_gathered(struct ledger *l)
{
    if (l->busy || !l->expect ||
        l->waiting * GATHER_SHARE >= l->expect(l->data))
        start(l);
    else if (!uv_is_active((uv_handle_t *)&l->gather))
        uv_timer_start(&l->gather, on_gathered, GATHER_MS, 0);
}

void
ledger_wait(struct ledger *l, struct ledger_wait *w,
            void (*done)(struct ledger_wait *))
{
    w->next = NULL;
    w->seq = l->appended;
    w->done = done;
    *l->waits_end = w;
    l->waits_end = &w->next;
    l->waiting++;
    start_gathered(l);
}

void
ledger_flush(struct ledger *l)
{
    start(l);
}

bool
ledger_blocked(struct ledger *l)
{
    bool blocked = l->failing || l->synced == 0 ||
                   l->appended - l->synced > BLOCKED_LINES;

    l->asked |= blocked;
    return blocked;
}

void
ledger_close(struct ledger *l)
{
    uv_close((uv_handle_t *)&l->again, NULL);
    uv_close((uv_handle_t *)&l->gather, NULL);
    file_close(&l->fd);
    buf_free(&l->stamp);
    buf_free(&l->collecting->text);
    free(l->collecting->entries);
    free(l->collecting);
    l->collecting = NULL;
    sodium_memzero(l->secret, sizeof l->secret);
}
