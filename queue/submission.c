#include "queue/submission.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/date.h"
#include "base/id.h"
#include "base/log.h"
#include "queue/chosen.h"
#include "queue/retry.h"

enum {
    SPILL_AT = 128 * 1024,
    SPACE_EVERY_MS = 1000,
};

static void
forget_envelope(struct caller *c)
{
    c->door->enqueue->envelopes -= c->message.envelope.len;
    buf_free(&c->message.envelope);
}

void
submission_forget(struct caller *c)
{
    forget_envelope(c);
    incoming_free(&c->message);
    envelope_free(&c->envelope);
    incoming_init(&c->message, &c->door->enqueue->todo);
    c->begun = false;
    c->refusal = 0;
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
on_stored(struct caller *c)
{
    int r = c->storing.result;
    id_text id;

    id_print(c->message.id, id);
    if (r < 0) {
        refuse_errno(c, r);
        caller_answer(c, 'Z', view_of(c->why));
    } else {
        hint_add(&c->door->enqueue->hint, c->message.id);
        caller_answer(c, 'K', view_of(id));
    }
    caller_release(c);
}

static void
on_spilled(struct caller *c)
{
    if (c->storing.result < 0)
        refuse_errno(c, c->storing.result);
    if (c->door->enqueue->stopping)
        c->closing = true;
    caller_release(c);
    if (!c->closing)
        caller_look(c);
}

void
submission_done(struct storing *s)
{
    struct caller *c = (struct caller *)((char *)s -
                                         offsetof(struct caller, storing));

    if (s->in && !s->envelope)
        on_spilled(c);
    else
        on_stored(c);
}

static void
begin(struct caller *c, struct incoming *in, const struct envelope *e)
{
    uint64_t now = date_now() / 1000, next = c->envelope.notbefore;

    if (next <= now)
        next = (uint64_t)retry_next(c->message.id, (time_t)now, 1);
    caller_hold(c);
    c->storing = (struct storing){.in = in, .envelope = e, .next_s = next};
    gather_add(&c->door->enqueue->gather, &c->storing);
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
    incoming_begin(in);
    if (c->door->kind == DOOR_MANAGER)
        return;
    if (!enough_space(e))
        refuse(c, 'Z', "4.3.1 the disk of the queue is nearly full");
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
        if (e->chosenid)
            c->message.id = e->chosenid;
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
        begin(c, NULL, NULL);
        return false;
    case CHOSEN_BUSY:
        caller_answer(c, 'Z',
                      view_of("4.3.0 this message is already on its way"));
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
        caller_answer(c, c->refusal, view_of(c->why));
        return;
    }
    r = envelope_parse(&c->envelope, buf_view(&in->envelope), &why);
    if (r < 0) {
        buf_print(&text, "%s bad envelope: %s",
                  r == -EDESTADDRREQ ? "5.5.0" : "5.5.4", why);
        caller_answer(c, 'N', buf_view(&text));
        buf_free(&text);
        return;
    }
    if (!permitted(c, &c->envelope) || !allowed(c, c->envelope.sender)) {
        caller_answer(c, c->refusal, view_of(c->why));
        return;
    }
    if (c->envelope.chosenid && !look_chosen(c))
        return;
    begin(c, &c->message, &c->envelope);
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
        begin(c, &c->message, NULL);
}

void
submission_frame(struct caller *c, char kind, struct view payload)
{
    struct enqueue *e = c->door->enqueue;

    if (!c->begun)
        begin_message(c);
    if (kind == '.') {
        complete(c);
    } else if (c->refusal) {
        return;
    } else if (kind == 'D') {
        content(c, payload);
    } else if (c->message.envelope.len + payload.len > ENVELOPE_MAX) {
        refuse(c, 'N', "5.5.3 envelope is too large");
    } else if (e->envelopes + payload.len > ENVELOPES_MAX) {
        refuse(c, 'Z', "4.3.2 too many large envelopes at once");
    } else {
        e->envelopes += payload.len;
        buf_addview(&c->message.envelope, payload);
    }
}
