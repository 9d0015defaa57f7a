#include "queue/door.h"

#include "base/log.h"
#include "queue/caller.h"

static void
on_caller(uv_stream_t *listener, int status)
{
    struct door *d = listener->data;
    struct caller *c;

    if (status < 0) {
        log_event("accept why=%s", uv_strerror(status));
        return;
    }
    c = caller_new(d);
    if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0)
        caller_close(c);
    else
        caller_welcome(c);
}

int
door_listen(struct door *d, struct enqueue *e, enum door_kind kind, int fd)
{
    int r;

    d->kind = kind;
    d->enqueue = e;
    d->pipe.data = d;
    if ((r = uv_pipe_init(e->loop, &d->pipe, 0)) < 0 ||
        (r = uv_pipe_open(&d->pipe, fd)) < 0)
        return r;
    return uv_listen((uv_stream_t *)&d->pipe, 1024, on_caller);
}

int
door_serve(struct door *d, struct enqueue *e, int fd)
{
    struct caller *c;
    int r;

    d->kind = DOOR_PUBLIC;
    d->enqueue = e;
    c = caller_new(d);
    if ((r = uv_pipe_open(&c->pipe, fd)) < 0)
        return r;
    caller_welcome(c);
    return 0;
}

void
door_stop(struct enqueue *e)
{
    struct caller *next;

    if (e->stopping)
        return;
    e->stopping = true;
    if (e->public_door.pipe.data)
        uv_close((uv_handle_t *)&e->public_door.pipe, NULL);
    if (e->manager_door.pipe.data)
        uv_close((uv_handle_t *)&e->manager_door.pipe, NULL);
    for (struct caller *c = e->callers; c; c = next) {
        next = c->next;
        if (!c->busy && c->out.len == 0)
            caller_close(c);
    }
}
