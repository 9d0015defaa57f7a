#include "local/deliverer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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
        buf_free(&d->parcel);
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
    if (d->count == 0)
        d->calls->on_broken(d);
}

/* One for each that was given, and nothing else. */
static bool
parse_reports(const struct deliverer *d, struct view bytes,
              struct report reports[PARCEL_MAX])
{
    unsigned i = 0;
    int r;

    while (i < d->count && (r = parcel_takereport(&bytes, &reports[i])) > 0 &&
           reports[i].number == d->number + i)
        reports[i++].flags = 0;
    return d->count > 0 && i == d->count && bytes.len == 0;
}

/* Takes one answer.  A deliverer's bytes come from the user's process: they
 * say what became of the mail it was given and nothing else.  No descriptor
 * is taken. */
static void
read_reports(struct deliverer *d)
{
    char bytes[PARCEL_REPORTS_MAX];
    struct report reports[PARCEL_MAX];
    void *tasks[PARCEL_MAX];
    unsigned count = d->count;
    ssize_t n;

    do
        n = recv(d->sock, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n == 0 && d->ending && count == 0) {
        uv_poll_stop(&d->poll);
        return;
    }
    if (n <= 0) {
        break_off(d);
        deliverer_kill(d);
        return;
    }
    if ((size_t)n > sizeof bytes ||
        !parse_reports(d, view_make(bytes, (size_t)n), reports)) {
        deliverer_kill(d);
        d->calls->on_broken(d);
        return;
    }
    uv_timer_stop(&d->timer);
    memcpy(tasks, d->tasks, count * sizeof *tasks);
    d->count = 0;
    d->calls->on_reports(d, tasks, reports, count);
    if (d->ending && !d->killed)
        expect_end(d);
}

static void
on_readable(uv_poll_t *h, int status, int events)
{
    struct deliverer *d = h->data;

    (void)events;
    (void)status; /* reading tells what is wrong */
    read_reports(d);
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

bool
deliverer_add(struct deliverer *d, const struct job *j,
              const struct content *content, void *task)
{
    struct view held = content->held ? buf_view(&content->bytes)
                                     : view_make("", 0);

    if (d->count == PARCEL_MAX || d->unheld ||
        (d->count > 0 && !content->held) || !parcel_add(&d->parcel, j, held))
        return false;
    if (d->count == 0)
        d->number = j->number;
    if (!content->held)
        d->unheld = content;
    d->tasks[d->count++] = task;
    return true;
}

int
deliverer_give(struct deliverer *d, uint64_t timeout)
{
    int fd = -1, r = 0;

    if (d->unheld)
        r = content_open(d->unheld, &fd);
    if (r == 0)
        r = job_send(d->sock, buf_view(&d->parcel), fd);
    file_close(&fd);
    d->unheld = NULL;
    buf_free(&d->parcel);
    if (r < 0)
        return r;
    d->given_ms = uv_now(d->timer.loop);
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
    if (d->count == 0 && !d->killed)
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
    if (d->count > 0 && status >= 0)
        read_reports(d); /* what it said before it died counts */
    d->calls->on_gone(d, status);
    uv_close((uv_handle_t *)&d->poll, on_closed);
    uv_close((uv_handle_t *)&d->timer, on_closed);
}
