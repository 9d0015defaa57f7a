#include "local/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

struct wire_report {
    STAILQ_ENTRY(wire_report) link;
    struct buf bytes;
};

enum { JOBS_AT_ONCE = 64 };

static void on_ready(uv_poll_t *h, int status, int events);

static void
watch(struct wire *w)
{
    int events = 0;

    if (uv_is_closing((uv_handle_t *)&w->poll))
        return;
    if (!w->ended && !w->paused)
        events |= UV_READABLE;
    if (!STAILQ_EMPTY(&w->out))
        events |= UV_WRITABLE;
    if (events == w->watched)
        return;
    w->watched = events; /* to ask again costs two calls */
    if (events)
        uv_poll_start(&w->poll, events, on_ready);
    else
        uv_poll_stop(&w->poll);
}

static void
end(struct wire *w)
{
    if (w->ended)
        return;
    w->ended = true;
    watch(w);
    w->on_end(w);
}

/* Whether there may be another. */
static bool
read_job(struct wire *w, struct buf *b)
{
    int fd = -1;
    ssize_t n;

    buf_clear(b);
    n = job_recv(w->sock, b, &fd);
    if (n > 0 || n == -EBADMSG) {
        w->on_job(w, buf_view(b), fd);
        return true;
    }
    file_close(&fd);
    if (n != -EAGAIN) {
        if (n < 0)
            log_event("manager-lost why=%s", strerror((int)-n));
        end(w);
    }
    return false;
}

/* Those that have come together, so that they can be delivered together. */
static void
read_jobs(struct wire *w)
{
    struct buf b = {0};

    for (int i = 0; i < JOBS_AT_ONCE && !w->ended && !w->paused; i++)
        if (!read_job(w, &b))
            break;
    buf_free(&b);
}

/* The manager is gone; its successor finds these deliveries by repeating
 * them.  The log is all that can still be told.  Should it be there after
 * all, it has to see that this report will not come. */
static void
lose(struct wire *w, struct view bytes, int r)
{
    struct report rep;

    w->lost = true;
    shutdown(w->sock, SHUT_RDWR);
    if (report_parse(&rep, bytes) < 0)
        return;
    log_event("unreported job=%ju rcpt=%u verdict=%s text=%s why=%s",
              (uintmax_t)rep.number, rep.index,
              verdict_word(rep.outcome.verdict), rep.outcome.text,
              strerror(-r));
}

static void
write_reports(struct wire *w)
{
    struct wire_report *q;

    while ((q = STAILQ_FIRST(&w->out))) {
        int r = job_send(w->sock, buf_view(&q->bytes), -1);

        if (r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM)
            break;
        if (r < 0)
            lose(w, buf_view(&q->bytes), r);
        STAILQ_REMOVE_HEAD(&w->out, link);
        buf_free(&q->bytes);
        free(q);
    }
}

static void
on_ready(uv_poll_t *h, int status, int events)
{
    struct wire *w = h->data;

    if (status < 0)
        w->watched = 0; /* an error ends it */
    if (status < 0 || events & UV_WRITABLE)
        wire_flush(w);
    if (status < 0 || events & UV_READABLE)
        read_jobs(w);
}

int
wire_open(struct wire *w, uv_loop_t *loop, int sock)
{
    int r;

    w->sock = sock;
    w->paused = w->ended = w->lost = false;
    w->watched = 0;
    w->poll.data = w;
    STAILQ_INIT(&w->out);
    if ((r = uv_poll_init(loop, &w->poll, sock)) == 0)
        watch(w);
    return r;
}

void
wire_report(struct wire *w, const struct report *r)
{
    struct wire_report *q = mem_alloc(sizeof *q);

    report_print(&q->bytes, r);
    STAILQ_INSERT_TAIL(&w->out, q, link);
}

void
wire_flush(struct wire *w)
{
    if (STAILQ_EMPTY(&w->out))
        return;
    write_reports(w);
    watch(w);
    if (STAILQ_EMPTY(&w->out))
        w->on_drained(w);
}

void
wire_pause(struct wire *w, bool pause)
{
    if (w->paused == pause)
        return;
    w->paused = pause;
    watch(w);
}

bool
wire_isdrained(const struct wire *w)
{
    return STAILQ_EMPTY(&w->out);
}

void
wire_close(struct wire *w)
{
    if (!uv_is_closing((uv_handle_t *)&w->poll))
        uv_close((uv_handle_t *)&w->poll, NULL);
}
