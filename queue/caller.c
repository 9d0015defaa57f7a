#include "queue/caller.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>

#include "base/date.h"
#include "base/file.h"
#include "base/frame.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/chosen.h"
#include "queue/retry.h"

enum {
    SPILL_AT = 128 * 1024,
    SPACE_EVERY_MS = 1000,
};

static void look(struct caller *c);

static void
forget_envelope(struct caller *c)
{
    c->door->enqueue->envelopes -= c->message.envelope.len;
    buf_free(&c->message.envelope);
}

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
    forget_envelope(c);
    incoming_free(&c->message);
    envelope_free(&c->envelope);
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

static void
work_done(struct caller *c)
{
    c->busy = false;
    c->door->enqueue->busy--;
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
        look(c);
}

static void
answer(struct caller *c, char kind, struct view payload)
{
    uv_buf_t bytes;

    forget_envelope(c);
    incoming_free(&c->message);
    envelope_free(&c->envelope);
    incoming_init(&c->message, &c->door->enqueue->todo);
    c->begun = false;
    c->refusal = 0;
    if (c->closing)
        return;
    frame_put(&c->out, kind, payload);
    bytes = uv_buf_init(c->out.data, (unsigned)c->out.len);
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &bytes, 1,
                 on_answered) < 0)
        caller_close(c);
}

/* Remembered until the message is complete, so that a caller that writes on
 * without looking gets its answer. */
static void
refuse(struct caller *c, char kind, const char *why)
{
    if (c->refusal)
        return;
    c->refusal = kind;
    snprintf(c->why, sizeof c->why, "%s", why);
    buf_clear(&c->message.content);
    forget_envelope(c);
}

static void
refuse_errno(struct caller *c, int r)
{
    char why[200];

    snprintf(why, sizeof why, "%s cannot write the queue: %s",
             r == -ENOSPC || r == -EDQUOT ? "4.3.1" : "4.3.0", strerror(-r));
    refuse(c, 'Z', why);
    /* Written directly: our standard error is the caller's, who has it. */
    if (c->door->enqueue->public_door.pipe.data)
        log_event("refuse uid=%u why=%s", (unsigned)c->who.uid, why);
}

/* model: incoming-answer */
static void
on_committed(struct commit_entry *entry, int r)
{
    struct caller *c = (struct caller *)entry;
    id_text id;

    id_print(c->message.id, id);
    if (r < 0) {
        refuse_errno(c, r);
        answer(c, 'Z', view_of(c->why));
    } else {
        answer(c, 'K', view_of(id));
    }
    work_done(c);
}

static void
link_message(uv_work_t *work)
{
    struct caller *c = work->data;
    uint64_t now = date_now() / 1000, next = c->envelope.notbefore;

    if (c->message.id == 0) {
        c->message.birth_ms = date_now();
        c->message.id = id_make(c->message.birth_ms, randombytes_random());
    }
    if (next <= now)
        next = (uint64_t)retry_next(c->message.id, (time_t)now, 1);
    c->result = incoming_link(&c->message, &c->envelope, next);
}

/* Its name is there: waits for the sync of todo/ with others. */
static void
wait_sync(struct caller *c)
{
    c->entry.incoming = &c->message;
    c->entry.done = on_committed;
    /* The manager looks for the ids it chose: it may have found this one and
     * have synced it itself. */
    c->entry.keep = c->envelope.chosenid != 0;
    commit_add(&c->door->enqueue->commit, &c->entry);
}

static void
on_linked(uv_work_t *work, int status)
{
    struct caller *c = work->data;
    int r = status < 0 ? status : c->result;

    /* A chosen id that is there: the message was stored before. */
    if (r == 0 || (r == -EEXIST && c->envelope.chosenid)) {
        wait_sync(c);
        return;
    }
    commit_forget(&c->door->enqueue->commit);
    on_committed(&c->entry, r);
}

static void
on_spilled(uv_work_t *work, int status)
{
    struct caller *c = work->data;

    if (status < 0 || c->result < 0)
        refuse_errno(c, status < 0 ? status : c->result);
    if (c->door->enqueue->stopping)
        c->closing = true;
    work_done(c);
    if (!c->closing)
        look(c);
}

static void
spill(uv_work_t *work)
{
    struct caller *c = work->data;

    c->result = incoming_spill(&c->message);
}

static void
begin(struct caller *c)
{
    c->busy = true;
    c->door->enqueue->busy++;
}

static void
begin_work(struct caller *c, uv_work_cb work, uv_after_work_cb after)
{
    begin(c);
    c->work.data = c;
    uv_queue_work(c->door->enqueue->loop, &c->work, work, after);
}

/* A message needs its own room and must leave spoolreserve for the outcomes
 * of those that are there. */
static bool
enough_space(struct enqueue *e)
{
    uint64_t now = uv_now(e->loop);
    struct statvfs fs;

    if (e->space_checked && now - e->space_checked < SPACE_EVERY_MS)
        return e->space;
    e->space_checked = now ? now : 1;
    e->space = fstatvfs(e->todo.dir, &fs) < 0 ||
               ((uint64_t)fs.f_bavail * fs.f_frsize >=
                    e->settings.spoolreserve &&
                (fs.f_files == 0 || fs.f_favail >= 64));
    return e->space;
}

static void
begin_message(struct caller *c)
{
    struct enqueue *e = c->door->enqueue;
    struct incoming *in = &c->message;
    id_text id;

    c->begun = true;
    if (c->door->kind == DOOR_MANAGER)
        return;
    if (!enough_space(e))
        refuse(c, 'Z', "4.3.1 the disk of the queue is nearly full");
    in->birth_ms = date_now();
    in->id = id_make(in->birth_ms, randombytes_random());
    /* RFC 5321 4.4: who took it in leaves a trace. */
    buf_print(&in->content,
              "Received: by %s (Godwit, from uid %u)\n\twith local id %s; ",
              e->settings.me, (unsigned)c->who.uid, id_print(in->id, id));
    date_mail(&in->content, (time_t)(in->birth_ms / 1000));
    buf_addbyte(&in->content, '\n');
}

/* Root and the spool's owner could write the spool by themselves. */
static bool
trusted(const struct caller *c)
{
    return c->door->kind == DOOR_MANAGER || c->who.uid == 0 ||
           c->who.uid == c->door->enqueue->owner;
}

/* Whether the caller's user may send this now, which then is counted; false
 * and a refusal if not. */
static bool
allowed(struct caller *c, struct view sender)
{
    struct enqueue *e = c->door->enqueue;
    unsigned uid = (unsigned)c->who.uid;
    char why[sizeof c->why];
    uint64_t wait;

    if (trusted(c))
        return true;
    if (!access_sender(&e->access, uid, sender)) {
        snprintf(why, sizeof why, "5.7.1 uid %u may not send as <%.*s>", uid,
                 (int)sender.len, sender.data);
        refuse(c, 'N', why);
    } else if ((wait = access_count(&e->access, uid, uv_now(e->loop))) > 0) {
        snprintf(why, sizeof why, "4.7.1 uid %u has sent its messages of an "
                 "hour; the next may come in %ju s", uid,
                 (uintmax_t)(wait + 999) / 1000);
        refuse(c, 'Z', why);
    } else {
        return true;
    }
    log_event("refuse uid=%u why=%s", uid, why);
    return false;
}

/* What only the house may say; false and a refusal if somebody else did. */
static bool
permitted(struct caller *c, struct envelope *e)
{
    if (c->door->kind == DOOR_MANAGER) {
        if (e->chosenid) {
            c->message.id = e->chosenid;
            c->message.birth_ms = date_now();
        }
        return true;
    }
    if (e->client.len || e->auth.len || e->tls.len || e->answers.len ||
        e->chosenid) {
        refuse(c, 'N', "5.7.0 a field that callers may not set");
        return false;
    }
    buf_clear(&c->who_text);
    buf_print(&c->who_text, "uid=%u pid=%d", (unsigned)c->who.uid,
              (int)c->who.pid);
    e->caller = buf_view(&c->who_text);
    return true;
}

/* Whether the message is to be written; else what has to be done is done. */
static bool
look_chosen(struct caller *c)
{
    switch (chosen_look(c)) {
    case CHOSEN_NEW:
        return true;
    case CHOSEN_THERE:
        begin(c);
        commit_expect(&c->door->enqueue->commit);
        wait_sync(c);
        return false;
    case CHOSEN_BUSY:
        answer(c, 'Z', view_of("4.3.0 this message is already on its way"));
        return false;
    case CHOSEN_LEFT:
        break;
    }
    caller_close(c);
    return false;
}

static void
complete(struct caller *c)
{
    struct incoming *in = &c->message;
    const char *why = "";
    struct buf text = {0};
    int r;

    if (c->refusal) {
        answer(c, c->refusal, view_of(c->why));
        return;
    }
    r = envelope_parse(&c->envelope, buf_view(&in->envelope), &why);
    if (r < 0) {
        buf_print(&text, "%s bad envelope: %s",
                  r == -EDESTADDRREQ ? "5.5.0" : "5.5.4", why);
        answer(c, 'N', buf_view(&text));
        buf_free(&text);
        return;
    }
    if (!permitted(c, &c->envelope) || !allowed(c, c->envelope.sender)) {
        answer(c, c->refusal, view_of(c->why));
        return;
    }
    if (c->envelope.chosenid && !look_chosen(c))
        return;
    commit_expect(&c->door->enqueue->commit);
    begin_work(c, link_message, on_linked);
}

static void
content(struct caller *c, struct view payload)
{
    struct enqueue *e = c->door->enqueue;
    uint64_t max = e->settings.databytes;
    uint64_t own = trusted(c) ? 0 : access_bytes(&e->access, c->who.uid);
    uint64_t size;

    buf_addview(&c->message.content, payload);
    size = c->message.written + c->message.content.len;
    if (max && size > max && c->door->kind == DOOR_PUBLIC)
        refuse(c, 'N', "5.3.4 message is larger than databytes allows");
    else if (own && size > own)
        refuse(c, 'N', "5.3.4 message is larger than submitlimit allows");
    else if (c->message.content.len >= SPILL_AT &&
             c->door->kind == DOOR_PUBLIC &&
             !enough_space(e))
        refuse(c, 'Z', "4.3.1 the disk of the queue is nearly full");
    else if (c->message.content.len >= SPILL_AT)
        begin_work(c, spill, on_spilled);
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
    if (!c->begun)
        begin_message(c);
    if (kind == '.') {
        complete(c);
    } else if (c->refusal) {
        return true;
    } else if (kind == 'D') {
        content(c, payload);
    } else if (c->message.envelope.len + payload.len > ENVELOPE_MAX) {
        refuse(c, 'N', "5.5.3 envelope is too large");
    } else if (c->door->enqueue->envelopes + payload.len > ENVELOPES_MAX) {
        refuse(c, 'Z', "4.3.2 too many large envelopes at once");
    } else {
        c->door->enqueue->envelopes += payload.len;
        buf_addview(&c->message.envelope, payload);
    }
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

/* Looks at what has come; reads on when more is needed. */
static void
look(struct caller *c)
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
    look(c);
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
        answer(c, 'Z', view_of("4.3.2 too many connections at once"));
        return;
    }
    look(c);
}
