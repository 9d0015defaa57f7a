#include "queue/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "base/line.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/attempt.h"
#include "queue/manager.h"
#include "queue/request.h"

/* One connection.  Dies with its last close callback, but never while a
 * request of it is under way. */
struct asker {
    struct control *control;
    uv_pipe_t pipe;
    uv_timer_t idle;
    uv_write_t write;
    uv_work_t work;
    struct ledger_wait wait;
    struct ucred who;
    struct buf in, out;
    bool busy, closing;
    int handles;
    uint64_t id;           /* of the request */
    bool hold;             /* or release */
    enum place place;
    struct slot slot;
    int result;
};

static void look(struct asker *a);

static void
on_closed(uv_handle_t *h)
{
    struct asker *a = h->data;

    if (--a->handles)
        return;
    a->control->callers--;
    buf_free(&a->in);
    buf_free(&a->out);
    free(a);
}

static void
asker_close(struct asker *a)
{
    if (a->closing)
        return;
    a->closing = true;
    if (a->busy)
        return;
    uv_close((uv_handle_t *)&a->pipe, on_closed);
    uv_close((uv_handle_t *)&a->idle, on_closed);
}

static void
on_answered(uv_write_t *w, int status)
{
    struct asker *a = w->data;

    buf_clear(&a->out);
    if (status < 0)
        asker_close(a);
    else
        look(a);
}

/* The line in a->out goes, and ends the request. */
static void
answer(struct asker *a)
{
    uv_buf_t bytes;

    a->busy = false;
    if (a->closing) {
        a->closing = false;
        asker_close(a);
        return;
    }
    buf_addbyte(&a->out, '\n');
    bytes = uv_buf_init(a->out.data, (unsigned)a->out.len);
    a->write.data = a;
    if (uv_write(&a->write, (uv_stream_t *)&a->pipe, &bytes, 1,
                 on_answered) < 0)
        asker_close(a);
}

static void
say(struct asker *a, const char *text)
{
    buf_addstr(&a->out, text);
    answer(a);
}

/* What is in memory has its own course; it is asked for again later. */
static bool
in_memory(struct manager *m, uint64_t id)
{
    struct message *msg;

    HASH_FIND(hh, m->active, &id, sizeof id, msg);
    return msg || takeup_locked(&m->takeup, id);
}

static void
find_work(uv_work_t *w)
{
    struct asker *a = w->data;
    const struct store *s = &a->control->manager->store;
    struct queued q;
    const char *why;

    a->place = PLACE_INFO;
    a->result = store_load(s, PLACE_INFO, a->id, &q, &why);
    if (a->result == -ENOENT) {
        a->place = PLACE_TODO;
        a->result = store_load(s, PLACE_TODO, a->id, &q, &why);
    }
    if (a->result == 0) {
        a->slot = q.slot;
        queued_free(&q);
    }
}

static void
slot_work(uv_work_t *w)
{
    struct asker *a = w->data;

    a->slot.hold = a->hold;
    a->result = store_slot(&a->control->manager->store, a->place, a->id,
                           &a->slot);
}

static void
on_slot(uv_work_t *w, int status)
{
    struct asker *a = w->data;
    struct manager *m = a->control->manager;
    int r = status < 0 ? status : a->result;

    takeup_unlock(&m->takeup, a->id);
    checkpoint_marked(&m->checkpoint, a->id);
    if (!a->hold)
        takeup_force(&m->takeup, a->id);
    if (r < 0)
        buf_print(&a->out, "no recorded, but the file cannot be written now: "
                  "%s", strerror(-r));
    else
        buf_addstr(&a->out, a->hold ? "ok held" : "ok released");
    answer(a);
}

static void
on_recorded(struct ledger_wait *w)
{
    struct asker *a = (struct asker *)((char *)w -
                                       offsetof(struct asker, wait));

    uv_queue_work(a->control->manager->loop, &a->work, slot_work, on_slot);
}

static void
on_found(uv_work_t *w, int status)
{
    struct asker *a = w->data;
    struct manager *m = a->control->manager;
    int r = status < 0 ? status : a->result;
    id_text id;

    if (r < 0) {
        takeup_unlock(&m->takeup, a->id);
        if (r != -ENOENT)
            takeup_force(&m->takeup, a->id);
        buf_print(&a->out, "no %s", r == -ENOENT ? "such message"
                                                 : strerror(-r));
        answer(a);
        return;
    }
    ledger_line(&m->ledger, NULL, "%s id=%s by=%u",
                a->hold ? "hold" : "release", id_print(a->id, id),
                (unsigned)a->who.uid);
    log_event("%s id=%s by=%u", a->hold ? "hold" : "release", id,
              (unsigned)a->who.uid);
    ledger_wait(&m->ledger, &a->wait, on_recorded);
}

/* Recorded first, then written to the slot; while that goes on the message
 * is not taken up. */
static void
set_hold(struct asker *a, bool hold)
{
    struct manager *m = a->control->manager;

    if (in_memory(m, a->id) || !takeup_lock(&m->takeup, a->id)) {
        say(a, "no it is being tried just now; try again");
        return;
    }
    a->hold = hold;
    uv_queue_work(m->loop, &a->work, find_work, on_found);
}

static void
status(struct asker *a)
{
    struct manager *m = a->control->manager;

    line_print(&a->out,
               "ok active=%u deferred=%zu fresh=%zu open_local=%u "
               "open_remote=%u waiting_local=%u waiting_remote=%u "
               "ledger_position=%ju ledger_syncs=%ju ledger_blocked=%d "
               "held=%ju parked=%zu", m->active_count,
               m->takeup.schedule.count, idqueue_count(&m->takeup.fresh),
               m->local.open, m->remote.open,
               m->local.waiting, m->remote.waiting,
               (uintmax_t)m->ledger.at.position, (uintmax_t)m->ledger.syncs,
               ledger_blocked(&m->ledger) ? 1 : 0,
               (uintmax_t)m->takeup.held, m->takeup.waiting.count);
    answer(a);
}

static void
cancel(struct asker *a, bool discard)
{
    struct manager *m = a->control->manager;

    if (in_memory(m, a->id)) {
        say(a, "no it is being tried just now; try again");
        return;
    }
    if (!takeup_cancel(&m->takeup, a->id, discard, (unsigned)a->who.uid))
        say(a, "no much is being read just now; try again");
    else
        say(a, discard ? "ok it will be set aside in broken/"
                       : "ok it fails now and its sender is told");
}

static void
flush(struct asker *a, bool all)
{
    struct takeup *t = &a->control->manager->takeup;

    if (all)
        takeup_all(t);
    else
        takeup_force(t, a->id);
    say(a, "ok");
}

static void
request(struct asker *a, struct view line)
{
    enum request what = request_read(line, &a->id);

    a->busy = true;
    if (a->who.uid != 0 && a->who.uid != geteuid()) {
        say(a, "no only root and the spool's owner may ask");
        return;
    }
    switch (what) {
    case REQUEST_STATUS:
        status(a);
        break;
    case REQUEST_FLUSH:
    case REQUEST_FLUSH_ID:
        flush(a, what == REQUEST_FLUSH);
        break;
    case REQUEST_HOLD:
    case REQUEST_RELEASE:
        set_hold(a, what == REQUEST_HOLD);
        break;
    case REQUEST_CANCEL:
    case REQUEST_DISCARD:
        cancel(a, what == REQUEST_DISCARD);
        break;
    case REQUEST_NO_ID:
        say(a, "no that is not a request with a message's id");
        break;
    case REQUEST_UNKNOWN:
        say(a, "no such request");
        break;
    }
}

static void
on_room(uv_handle_t *h, size_t hint, uv_buf_t *room)
{
    struct asker *a = h->data;

    (void)hint;
    buf_reserve(&a->in, CONTROL_LINE_MAX);
    *room = uv_buf_init(a->in.data + a->in.len, CONTROL_LINE_MAX);
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *unused)
{
    struct asker *a = s->data;

    (void)unused;
    if (n < 0) {
        asker_close(a);
        return;
    }
    uv_timer_again(&a->idle);
    a->in.len += (size_t)n;
    look(a);
}

static void
look(struct asker *a)
{
    struct view line = buf_view(&a->in);

    line.len = view_find(line, '\n');
    if (a->busy || a->closing || a->out.len)
        return;
    if (line.len == a->in.len) {
        if (line.len > CONTROL_LINE_MAX)
            asker_close(a);
        else
            uv_read_start((uv_stream_t *)&a->pipe, on_room, on_read);
        return;
    }
    uv_read_stop((uv_stream_t *)&a->pipe);
    request(a, line);
    buf_consume(&a->in, line.len + 1);
}

static void
on_idle(uv_timer_t *t)
{
    asker_close(t->data);
}

static void
on_asker(uv_stream_t *listener, int result)
{
    struct control *c = listener->data;
    struct asker *a;
    socklen_t len = sizeof a->who;
    uv_os_fd_t fd;

    if (result < 0)
        return;
    a = mem_alloc(sizeof *a);
    a->control = c;
    a->pipe.data = a->idle.data = a->work.data = a;
    a->handles = 2;
    c->callers++;
    uv_pipe_init(listener->loop, &a->pipe, 0);
    uv_timer_init(listener->loop, &a->idle);
    uv_timer_start(&a->idle, on_idle, CONTROL_IDLE_MS, CONTROL_IDLE_MS);
    if (uv_accept(listener, (uv_stream_t *)&a->pipe) < 0 ||
        c->callers > CONTROL_CALLERS_MAX ||
        uv_fileno((uv_handle_t *)&a->pipe, &fd) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &a->who, &len) < 0)
        asker_close(a);
    else
        look(a);
}

int
control_listen(struct control *c, struct manager *m, int fd)
{
    int r;

    c->manager = m;
    c->pipe.data = c;
    if ((r = uv_pipe_init(m->loop, &c->pipe, 0)) < 0 ||
        (r = uv_pipe_open(&c->pipe, fd)) < 0)
        return r;
    return uv_listen((uv_stream_t *)&c->pipe, 16, on_asker);
}
