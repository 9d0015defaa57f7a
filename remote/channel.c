#include "remote/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"

enum { JOBS_AT_ONCE = 64 }; /* read before others get their turn */

struct channel_report {
    STAILQ_ENTRY(channel_report) next;
    struct report report;
};

static void on_poll(uv_poll_t *poll, int status, int events);

/* What to wait for follows from the state alone. */
static void
watch(struct channel *c)
{
    int events = 0;

    if (c->closed)
        return;
    if (!STAILQ_EMPTY(&c->waiting))
        events |= UV_WRITABLE;
    else if (!c->paused && !c->ended)
        events |= UV_READABLE;
    if (!c->ended)
        events |= UV_DISCONNECT;
    if (events == c->watched)
        return;
    c->watched = events;
    if (events)
        uv_poll_start(&c->poll, events, on_poll);
    else
        uv_poll_stop(&c->poll);
}

int
channel_open(struct channel *c, uv_loop_t *loop, int sock)
{
    int type = 0, flags = fcntl(sock, F_GETFL), r;
    socklen_t len = sizeof type;

    if (flags < 0 ||
        getsockopt(sock, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
        fcntl(sock, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(sock, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    if (type != SOCK_SEQPACKET)
        return -EPROTOTYPE;
    c->sock = sock;
    STAILQ_INIT(&c->waiting);
    c->poll.data = c;
    if ((r = uv_poll_init(loop, &c->poll, sock)) < 0)
        return r;
    watch(c);
    return 0;
}

static void
log_lost(const struct report *r)
{
    log_event("report-lost job=%ju rcpt=%u verdict=%s code=%s host=%s why=%s",
              (uintmax_t)r->number, (unsigned)r->index,
              verdict_word(r->outcome.verdict), r->outcome.code, r->host,
              r->outcome.text);
}

/* Nobody will read what waits; should the manager be there after all, it has
 * to see that nothing comes. */
static void
give_up(struct channel *c)
{
    struct channel_report *w;

    c->gone = true;
    shutdown(c->sock, SHUT_RDWR);
    while ((w = STAILQ_FIRST(&c->waiting))) {
        STAILQ_REMOVE_HEAD(&c->waiting, next);
        log_lost(&w->report);
        free(w);
    }
}

/* 0, or a negative errno with nothing sent. */
static int
send_report(struct channel *c, const struct report *r)
{
    struct buf b = {0};
    int e;

    report_print(&b, r);
    e = job_send(c->sock, buf_view(&b), -1);
    buf_free(&b);
    return e;
}

static bool
no_room(int r)
{
    return r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM;
}

static void
flush(struct channel *c)
{
    struct channel_report *w;
    int r;

    while ((w = STAILQ_FIRST(&c->waiting))) {
        r = send_report(c, &w->report);
        if (no_room(r))
            return;
        if (r < 0) {
            give_up(c);
            return;
        }
        STAILQ_REMOVE_HEAD(&c->waiting, next);
        free(w);
    }
}

void
channel_report(struct channel *c, const struct report *r)
{
    struct channel_report *w;
    int e = c->gone                    ? -EPIPE
            : STAILQ_EMPTY(&c->waiting) ? send_report(c, r)
                                        : -EAGAIN;

    if (e == 0)
        return;
    if (!no_room(e)) {
        give_up(c);
        log_lost(r);
        return;
    }
    w = mem_alloc(sizeof *w);
    w->report = *r;
    STAILQ_INSERT_TAIL(&c->waiting, w, next);
    watch(c);
}

bool
channel_flushed(const struct channel *c)
{
    return STAILQ_EMPTY(&c->waiting);
}

/* One datagram; false if there is none now. */
static bool
take_job(struct channel *c)
{
    int fd;
    ssize_t n;

    buf_clear(&c->in);
    n = job_recv(c->sock, &c->in, &fd);
    if (n > 0 || n == -EBADMSG) {
        c->on_job(c, buf_view(&c->in), fd);
        return true;
    }
    if (n == 0 || !no_room((int)n)) {
        if (n < 0)
            log_event("manager-lost why=%s", strerror((int)-n));
        c->ended = true;
    }
    return false;
}

/* The manager sends no more: what it has sent is still ours to answer. */
static void
end(struct channel *c)
{
    c->ended = true;
    c->on_end(c);
    while (take_job(c))
        ;
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
    struct channel *c = poll->data;
    bool ended = c->ended;

    if (status < 0)
        c->watched = 0; /* libuv has stopped it */
    if (events & UV_WRITABLE)
        flush(c);
    if (events & UV_READABLE)
        for (int i = 0; i < JOBS_AT_ONCE && !c->paused && take_job(c); i++)
            ;
    if (!ended && (c->ended || status < 0 || (events & UV_DISCONNECT)))
        end(c);
    watch(c);
    if (c->ended && channel_flushed(c))
        c->on_flushed(c);
}

void
channel_pause(struct channel *c, bool pause)
{
    if (c->paused == pause)
        return;
    c->paused = pause;
    watch(c);
}

static void
on_closed(uv_handle_t *h)
{
    struct channel *c = h->data;

    buf_free(&c->in);
}

void
channel_close(struct channel *c)
{
    if (c->closed)
        return;
    c->closed = true;
    uv_close((uv_handle_t *)&c->poll, on_closed);
}
