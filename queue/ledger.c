#include "queue/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/date.h"
#include "base/file.h"
#include "base/line.h"
#include "base/log.h"

enum {
    AGAIN_MS = 1000,       /* after a failure; doubles */
    AGAIN_MAX_MS = 64000,
    GATHER_MS = 10,
    GATHER_SHARE = 2,
    BLOCKED_LINES = 65536, /* waiting in memory for the sync */
};

void
ledger_init(struct ledger *l, uv_loop_t *loop, int dir, uint64_t size,
            const unsigned char secret[64])
{
    memset(l, 0, sizeof *l);
    l->loop = loop;
    l->files.dir = dir;
    l->files.size = size;
    l->at.fd = -1;
    memcpy(l->files.secret, secret, sizeof l->files.secret);
    l->waits_end = &l->waits;
    l->collecting = batch_new();
    l->work.data = l->spare_work.data = l->again.data = l;
    uv_mutex_init(&l->files.lock);
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

    l->at.base = base;
    l->at.position = position;
    l->at.chain = *chain;
    l->at.end = base;
    if (fresh)
        return 0;
    segment_name(base, name);
    l->at.fd = openat(l->files.dir, name, O_WRONLY | O_CLOEXEC);
    if (l->at.fd < 0 || fstat(l->at.fd, &st) < 0)
        return -errno;
    l->at.end = base + (uint64_t)st.st_size;
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

static void
add(struct ledger *l, size_t len, uint64_t *where)
{
    batch_add(l->collecting, len, where);
    l->appended++;
}

void
ledger_line(struct ledger *l, uint64_t *where, const char *fmt, ...)
{
    struct buf *text = &l->collecting->text;
    size_t before = text->len;
    va_list ap;

    stamp(l);
    buf_addview(text, buf_view(&l->stamp));
    buf_addbyte(text, ' ');
    va_start(ap, fmt);
    line_vprint(text, fmt, ap);
    va_end(ap);
    add(l, text->len - before, where);
}

void
ledger_sign(struct ledger *l)
{
    add(l, 0, NULL);
}

static void
flush_work(uv_work_t *work)
{
    struct ledger *l = work->data;

    l->result = batch_write(l->flushing, &l->files);
}

static void
spare_work(uv_work_t *work)
{
    struct ledger *l = work->data;
    int r;

    uv_mutex_lock(&l->files.lock);
    r = segment_spare(l->files.dir, l->files.size);
    uv_mutex_unlock(&l->files.lock);
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
flush_failed(struct ledger *l, struct batch *b)
{
    uint64_t again;

    log_event("ledger doing=write position=%ju why=%s "
              "then=\"no new deliveries; trying a new segment\"",
              (uintmax_t)l->at.position, strerror(-l->result));
    l->at.base = l->at.end;
    file_close(&l->at.fd);
    batch_join(b, l->collecting);
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
    struct batch *b = l->flushing;

    if (status < 0)
        l->result = status;
    if (l->result < 0) {
        flush_failed(l, b);
        return;
    }
    if (b->at.fd != l->at.fd)
        file_close(&l->at.fd);
    l->at = b->at;
    batch_tell(b);
    l->synced += b->count;
    l->syncs++;
    l->flushing = NULL;
    l->busy = false;
    if (b->took_spare)
        make_spare(l);
    batch_free(b);
    if (l->failing)
        log_event("ledger doing=write position=%ju now=\"works again\"",
                  (uintmax_t)l->at.position);
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
    struct batch *b = l->collecting;

    if (l->busy || b->count == 0)
        return;
    b->at = l->at;
    l->busy = true;
    l->waiting = 0;
    uv_timer_stop(&l->gather);
    l->flushing = b;
    l->collecting = batch_new();
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
    file_close(&l->at.fd);
    buf_free(&l->stamp);
    batch_free(l->collecting);
    l->collecting = NULL;
    sodium_memzero(l->files.secret, sizeof l->files.secret);
}
