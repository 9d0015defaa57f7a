#include "queue/caller.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/frame.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/submission.h"

static void
on_closed(uv_handle_t *h)
{
    struct caller *c = h->data;

    if (--c->handles)
        return;
    c->door->callers--;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    submission_forget(c);
    buf_free(&c->who_text);
    buf_free(&c->in);
    buf_free(&c->out);
    free(c);
}

void
caller_close(struct caller *c)
{
    if (c->closing)
        return;
    c->closing = true;
    if (c->busy)
        return;
    uv_close((uv_handle_t *)&c->pipe, on_closed);
    uv_close((uv_handle_t *)&c->idle, on_closed);
}

void
caller_hold(struct caller *c)
{
    c->busy = true;
}

void
caller_release(struct caller *c)
{
    c->busy = false;
    if (c->closing) {
        c->closing = false;
        caller_close(c);
    }
}

static void
on_answered(uv_write_t *w, int status)
{
    struct caller *c = w->data;

    buf_clear(&c->out);
    if (status < 0 || c->door->enqueue->stopping || c->rejected)
        caller_close(c);
    else
        caller_look(c);
}

void
caller_answer(struct caller *c, char kind, struct view payload)
{
    uv_buf_t bytes;

    submission_forget(c);
    if (c->closing)
        return;
    frame_put(&c->out, kind, payload);
    bytes = uv_buf_init(c->out.data, (unsigned)c->out.len);
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &bytes, 1,
                 on_answered) < 0)
        caller_close(c);
}

/* Takes one frame; false if there is no whole one. */
static bool
step(struct caller *c, struct view *rest)
{
    struct view payload;
    char kind;
    int r = frame_take(rest, &kind, &payload);

    if (r == 0)
        return false;
    if (r < 0 || (kind != 'E' && kind != 'D' && kind != '.')) {
        log_event("protocol uid=%u why=\"not a submit frame\"",
                  (unsigned)c->who.uid);
        caller_close(c);
        return false;
    }
    submission_frame(c, kind, payload);
    return true;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *unused);

static void
on_room(uv_handle_t *h, size_t hint, uv_buf_t *room)
{
    struct caller *c = h->data;

    (void)hint;
    buf_reserve(&c->in, FRAME_HEAD + FRAME_MAX);
    *room = uv_buf_init(c->in.data + c->in.len, FRAME_HEAD + FRAME_MAX);
}

void
caller_look(struct caller *c)
{
    struct view rest = buf_view(&c->in);

    while (!c->busy && !c->closing && c->out.len == 0 && step(c, &rest))
        ;
    buf_consume(&c->in, c->in.len - rest.len);
    if (c->closing)
        return;
    if (c->busy || c->out.len)
        uv_read_stop((uv_stream_t *)&c->pipe);
    else
        uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read);
}

static void
on_idle(uv_timer_t *t)
{
    struct caller *c = t->data;

    if (c->busy)
        return;
    log_event("timeout uid=%u why=\"nothing more came\"",
              (unsigned)c->who.uid);
    caller_close(c);
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *unused)
{
    struct caller *c = s->data;
    uv_loop_t *loop = s->loop;

    (void)unused;
    if (n < 0) {
        caller_close(c);
        return;
    }
    if (uv_now(loop) - c->began > CALLER_TOTAL_MS) {
        on_idle(&c->idle);
        return;
    }
    uv_timer_again(&c->idle);
    c->in.len += (size_t)n;
    caller_look(c);
}

static unsigned
callers_of(const struct enqueue *e, uid_t uid)
{
    unsigned n = 0;

    for (const struct caller *c = e->callers; c; c = c->next)
        n += c->who.uid == uid && c->door->kind == DOOR_PUBLIC;
    return n;
}

struct caller *
caller_new(struct door *d)
{
    struct enqueue *e = d->enqueue;
    struct caller *c = mem_alloc(sizeof *c);

    c->door = d;
    c->pipe.data = c->idle.data = c;
    c->handles = 2;
    c->began = uv_now(e->loop);
    uv_pipe_init(e->loop, &c->pipe, 0);
    uv_timer_init(e->loop, &c->idle);
    uv_unref((uv_handle_t *)&c->idle);
    incoming_init(&c->message, &e->todo);
    d->callers++;
    c->next = e->callers;
    c->link = &e->callers;
    if (c->next)
        c->next->link = &c->next;
    e->callers = c;
    return c;
}

void
caller_welcome(struct caller *c)
{
    struct enqueue *e = c->door->enqueue;
    socklen_t len = sizeof c->who;
    uv_os_fd_t fd;

    if (uv_fileno((uv_handle_t *)&c->pipe, &fd) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->who, &len) < 0) {
        caller_close(c);
        return;
    }
    uv_timer_start(&c->idle, on_idle, CALLER_IDLE_MS, CALLER_IDLE_MS);
    if (c->door->kind == DOOR_PUBLIC && c->who.uid != 0 &&
        (c->door->callers > CALLERS_MAX ||
         callers_of(e, c->who.uid) > CALLERS_PER_UID)) {
        log_event("refuse uid=%u why=\"too many connections\"",
                  (unsigned)c->who.uid);
        c->rejected = true;
        caller_answer(c, 'Z', view_of("4.3.2 too many connections at once"));
        return;
    }
    caller_look(c);
}
