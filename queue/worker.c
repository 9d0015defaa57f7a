#include "queue/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/attempt.h"
#include "queue/manager.h"

static void
on_worker_closed(uv_handle_t *h)
{
    struct worker *w = h->data;

    file_close(&w->fd);
    buf_free(&w->in);
    free(w);
}

static void
worker_end(struct worker *w)
{
    struct worker **p = &w->channel->workers;

    if (w->closing)
        return;
    w->closing = true;
    while (*p != w)
        p = &(*p)->next;
    *p = w->next;
    uv_poll_stop(&w->poll);
    while (w->open)
        channel_lost(w->open);
    uv_close((uv_handle_t *)&w->poll, on_worker_closed);
    manager_wake(w->channel->manager);
}

static void
read_reports(struct worker *w)
{
    struct report report;
    ssize_t n = 0;
    int fd;

    for (int i = 0; i < 256; i++) {
        buf_clear(&w->in);
        n = job_recv(w->fd, &w->in, &fd);
        file_close(&fd);
        /* A worker that died with jobs unread: its reports come behind. */
        if (n == -ECONNRESET)
            continue;
        if (n <= 0 && n != -EBADMSG)
            break;
        if (report_parse(&report, buf_view(&w->in)) < 0)
            log_event("report channel=%s why=unreadable", w->channel->name);
        else
            channel_report(w->channel, &report);
    }
    if (n == 0 || (n < 0 && n != -EAGAIN && n != -EBADMSG))
        worker_end(w);
}

static void set_blocked(struct worker *w, bool blocked);

static void
on_worker(uv_poll_t *poll, int status, int events)
{
    struct worker *w = poll->data;

    if (status < 0) {
        read_reports(w);
        if (!w->closing)
            worker_end(w);
        return;
    }
    if (events & UV_READABLE)
        read_reports(w);
    if ((events & UV_WRITABLE) && !w->closing)
        set_blocked(w, false);
    manager_wake(w->channel->manager);
}

static void
set_blocked(struct worker *w, bool blocked)
{
    w->blocked = blocked;
    uv_poll_start(&w->poll, UV_READABLE | (blocked ? UV_WRITABLE : 0),
                  on_worker);
}

static bool
has_place(const struct channel *c, unsigned place)
{
    for (const struct worker *w = c->workers; w; w = w->next)
        if (w->place == place)
            return true;
    return false;
}

void
worker_finish(struct worker *w)
{
    shutdown(w->fd, SHUT_WR);
    w->shut = true;
}

bool
worker_add(struct channel *c, int fd)
{
    struct worker *w = mem_alloc(sizeof *w);

    w->channel = c;
    w->fd = fd;
    w->poll.data = w;
    if (uv_poll_init(c->manager->loop, &w->poll, fd) < 0) {
        log_event("worker channel=%s why=\"cannot be watched\"", c->name);
        file_close(&w->fd);
        free(w);
        return false;
    }
    while (has_place(c, w->place))
        w->place++;
    w->next = c->workers;
    c->workers = w;
    if (c->manager->stopping)
        worker_finish(w);
    set_blocked(w, false);
    return true;
}

struct worker *
worker_of(const struct site *s)
{
    struct worker *best = NULL;
    uint32_t hash = 2166136261u, best_rank = 0;

    for (const char *p = s->name; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    for (struct worker *w = s->channel->workers; w; w = w->next) {
        uint32_t rank = (hash ^ (w->place + 1) * 0x9e3779b9u) * 0x85ebca6bu;

        rank ^= rank >> 15;
        if (!w->shut && (!best || rank > best_rank)) {
            best = w;
            best_rank = rank;
        }
    }
    return best;
}

/* 0, -EAGAIN: not now, or another errno: not to this worker. */
static int
send_job(struct worker *w, struct delivery *d)
{
    static struct job job;
    struct buf b = {0};
    int r;

    d->number = ++w->channel->numbers;
    message_job(d->message, d, &job);
    job_print(&b, &job);
    r = job_send(w->fd, buf_view(&b), message_fd(d->message));
    buf_free(&b);
    return r;
}

bool
worker_send(struct worker *w, struct delivery *d)
{
    int r = send_job(w, d);

    if (r == 0)
        return true;
    if (r == -EAGAIN) {
        set_blocked(w, true);
        return false;
    }
    /* A worker that has ended is seen where reports are read, and one that
     * has not is told to; for anything else the next tick tries again. */
    log_event("job channel=%s why=%s", w->channel->name, strerror(-r));
    if (r == -EPIPE || r == -ECONNRESET || r == -ENOTCONN)
        worker_finish(w);
    return false;
}
