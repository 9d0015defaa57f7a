#include "local/deliverer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

static void
on_closed(uv_handle_t *h)
{
    struct deliverer *d = h->data;

    if (--d->handles == 0) {
        file_close(&d->sock);
        free(d);
    }
}

static void
on_timer(uv_timer_t *h)
{
    struct deliverer *d = h->data;

    d->calls->on_time(d);
}

static void
on_overdue(uv_timer_t *h)
{
    deliverer_kill(h->data);
}

/* A user may stop his processes; nobody waits for that. */
static void
expect_end(struct deliverer *d)
{
    uv_timer_start(&d->timer, on_overdue, DELIVERER_END * 1000, 0);
}

static void
break_off(struct deliverer *d)
{
    if (d->ending)
        return;
    d->ending = true;
    if (!d->task)
        d->calls->on_broken(d);
}

/* Takes one report.  A deliverer's bytes come from the user's process: they
 * say what became of the mail it was given and nothing else.  No descriptor
 * is taken. */
static void
read_report(struct deliverer *d)
{
    char bytes[REPORT_MAX];
    void *task = d->task;
    struct report r;
    ssize_t n;

    do
        n = recv(d->sock, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n == 0 && d->ending && !d->task) {
        uv_poll_stop(&d->poll);
        return;
    }
    if (n <= 0 || (size_t)n > sizeof bytes || !d->task ||
        report_parse(&r, view_make(bytes, (size_t)n)) < 0 ||
        r.number != d->number) {
        break_off(d);
        deliverer_kill(d);
        return;
    }
    r.flags = 0;
    uv_timer_stop(&d->timer);
    d->task = NULL;
    d->calls->on_report(d, task, &r);
    if (d->ending && !d->killed)
        expect_end(d);
}

static void
on_readable(uv_poll_t *h, int status, int events)
{
    struct deliverer *d = h->data;

    (void)events;
    (void)status; /* reading tells what is wrong */
    read_report(d);
}

struct deliverer *
deliverer_new(uv_loop_t *loop, int forker, uint64_t birth,
              const struct account *account,
              const struct deliverer_calls *calls, int *r)
{
    struct deliverer *d;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        *r = -errno;
        return NULL;
    }
    *r = forker_ask(forker, birth, account, pair[1]);
    file_close(&pair[1]);
    if (*r < 0) {
        file_close(&pair[0]);
        return NULL;
    }
    d = mem_alloc(sizeof *d);
    d->forker = forker;
    d->birth = birth;
    d->sock = pair[0];
    d->calls = calls;
    d->poll.data = d->timer.data = d;
    d->handles = 2;
    uv_timer_init(loop, &d->timer);
    /* A socket that was just made is always one that can be polled. */
    if ((*r = uv_poll_init(loop, &d->poll, d->sock)) < 0)
        log_die("fatal program=local why=%s", uv_strerror(*r));
    uv_poll_start(&d->poll, UV_READABLE, on_readable);
    return d;
}

int
deliverer_give(struct deliverer *d, const struct job *j,
               const struct content *content, uint64_t timeout, void *task)
{
    struct buf b = {0};
    int fd = -1, r = 0;

    buf_addu32(&b, 0);
    job_print(&b, j);
    put_u32(b.data, (uint32_t)b.len - 4);
    if (content->held)
        buf_addview(&b, buf_view(&content->bytes));
    else
        r = content_open(content, &fd);
    if (r == 0)
        r = job_send(d->sock, buf_view(&b), fd);
    file_close(&fd);
    buf_free(&b);
    if (r < 0)
        return r;
    d->number = j->number;
    d->task = task;
    uv_timer_start(&d->timer, on_timer, timeout * 1000, 0);
    return 0;
}

void
deliverer_time(struct deliverer *d, uint64_t seconds)
{
    uv_timer_start(&d->timer, on_timer, seconds * 1000, 0);
}

void
deliverer_end(struct deliverer *d)
{
    d->ending = true;
    if (!d->task && !d->killed)
        expect_end(d);
    shutdown(d->sock, SHUT_WR);
}

void
deliverer_kill(struct deliverer *d)
{
    d->ending = d->killed = true;
    uv_timer_stop(&d->timer);
    uv_poll_stop(&d->poll);
    if (!d->gone)
        forker_kill(d->forker, d->birth);
}

void
deliverer_gone(struct deliverer *d, int status)
{
    d->gone = true;
    break_off(d);
    if (d->task && status >= 0)
        read_report(d); /* what it said before it died counts */
    d->calls->on_gone(d, status);
    uv_close((uv_handle_t *)&d->poll, on_closed);
    uv_close((uv_handle_t *)&d->timer, on_closed);
}
