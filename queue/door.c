#include "queue/door.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "queue/caller.h"

enum { STUCK_MAX = 100, STUCK_NS = 10 * 1000 * 1000 };

static int
reserve(void)
{
    return open("/", O_PATH | O_CLOEXEC);
}

/* Without a descriptor for a caller he is told so by the end of his
 * connection.  libuv asks for the next one until there is none, which the
 * kernel says only to who has a descriptor free: the reserve stays closed.
 * Where others took it their end is waited for, but not for ever. */
static void
turn_away(struct door *d, int status)
{
    int listener, caller;

    if (d->reserve < 0) {
        if (++d->stuck > STUCK_MAX)
            log_die("fatal doing=accept why=%s", uv_strerror(status));
        nanosleep(&(struct timespec){.tv_nsec = STUCK_NS}, NULL);
    } else {
        log_event("accept why=%s then=\"callers are turned away\"",
                  uv_strerror(status));
    }
    file_close(&d->reserve);
    if (uv_fileno((uv_handle_t *)&d->pipe, &listener) == 0)
        while ((caller = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
            file_close(&caller);
}

static void
on_caller(uv_stream_t *listener, int status)
{
    struct door *d = listener->data;
    struct caller *c;

    if (status == UV_EMFILE || status == UV_ENFILE) {
        turn_away(d, status);
        return;
    }
    if (status < 0) {
        log_event("accept why=%s", uv_strerror(status));
        return;
    }
    d->stuck = 0;
    c = caller_new(d);
    if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0 ||
        (d->reserve < 0 && (d->reserve = reserve()) < 0))
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
    d->reserve = reserve();
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
