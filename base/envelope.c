#include "base/envelope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FIELD_HEAD = 5 };

void
envelope_put(struct buf *b, enum envelope_tag tag, struct view value)
{
    buf_addbyte(b, (int)tag);
    buf_addu32(b, (uint32_t)value.len);
    buf_addview(b, value);
}

void
envelope_put8(struct buf *b, enum envelope_tag tag, uint8_t n)
{
    envelope_put(b, tag, view_make(&n, 1));
}

void
envelope_put32(struct buf *b, enum envelope_tag tag, uint32_t n)
{
    char bytes[4];

    put_u32(bytes, n);
    envelope_put(b, tag, view_make(bytes, sizeof bytes));
}

void
envelope_put64(struct buf *b, enum envelope_tag tag, uint64_t n)
{
    char bytes[8];

    put_u64(bytes, n);
    envelope_put(b, tag, view_make(bytes, sizeof bytes));
}

static void
put_text(struct buf *b, enum envelope_tag tag, struct view v)
{
    if (v.len)
        envelope_put(b, tag, v);
}

void
envelope_print(struct buf *b, const struct envelope *e)
{
    envelope_put(b, TAG_SENDER, e->sender);
    for (uint32_t i = 0; i < e->rcpt_count; i++) {
        envelope_put(b, TAG_RCPT, e->rcpts[i].address);
        if (e->rcpts[i].notify)
            envelope_put8(b, TAG_NOTIFY, e->rcpts[i].notify);
        put_text(b, TAG_ORCPT, e->rcpts[i].orcpt);
    }
    if (e->ret)
        envelope_put8(b, TAG_RET, e->ret);
    put_text(b, TAG_ENVID, e->envid);
    if (e->body)
        envelope_put8(b, TAG_BODY, e->body);
    if (e->flags)
        envelope_put32(b, TAG_FLAGS, e->flags);
    if (e->notbefore)
        envelope_put64(b, TAG_NOTBEFORE, e->notbefore);
    if (e->expire)
        envelope_put64(b, TAG_EXPIRE, e->expire);
    put_text(b, TAG_HOLD, e->hold);
    put_text(b, TAG_CALLER, e->caller);
    put_text(b, TAG_CLIENT, e->client);
    put_text(b, TAG_AUTH, e->auth);
    put_text(b, TAG_TLS, e->tls);
    put_text(b, TAG_ANSWERS, e->answers);
    put_text(b, TAG_VIA, e->via);
}

/* An address travels in SMTP commands and in log lines: no control bytes. */
static int
check_text(struct view v, size_t max, const char *what, const char **why)
{
    *why = what;
    if (v.len > max)
        return -E2BIG;
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.data[i] < ' ' || v.data[i] == 127)
            return -EBADMSG;
    return 0;
}

static int
take_rcpt(struct envelope *e, size_t *room, struct view v, const char **why)
{
    int r;

    if (e->rcpt_count >= ENVELOPE_RCPT_MAX) {
        *why = "too many recipients";
        return -E2BIG;
    }
    if ((r = check_text(v, ADDRESS_MAX, "recipient address", why)) < 0)
        return r;
    if (v.len == 0) {
        *why = "empty recipient address";
        return -EBADMSG;
    }
    if (e->rcpt_count == *room) {
        *room = *room ? *room * 2 : 4;
        e->rcpts = mem_grow(e->rcpts, *room * sizeof *e->rcpts);
    }
    memset(&e->rcpts[e->rcpt_count], 0, sizeof *e->rcpts);
    e->rcpts[e->rcpt_count++].address = v;
    return 0;
}

/* A number field of exactly size bytes. */
static int
take_number(struct view v, size_t size, uint64_t *n, const char **why)
{
    *why = "number of a wrong size";
    if (v.len != size)
        return -EBADMSG;
    *n = size == 1   ? (unsigned char)v.data[0]
         : size == 4 ? get_u32(v.data)
                     : get_u64(v.data);
    return 0;
}

/* Where a field of text goes, at most *max bytes; NULL: it is none. */
static struct view *
text_field(struct envelope *e, int tag, size_t *max)
{
    *max = ENVELOPE_TEXT_MAX;
    switch (tag) {
    case TAG_ENVID:
        *max = ENVID_MAX;
        return &e->envid;
    case TAG_HOLD:
        return &e->hold;
    case TAG_CALLER:
        return &e->caller;
    case TAG_CLIENT:
        return &e->client;
    case TAG_AUTH:
        return &e->auth;
    case TAG_TLS:
        return &e->tls;
    case TAG_ANSWERS:
        *max = 1 << 20;
        return &e->answers;
    case TAG_VIA:
        *max = 40;
        return &e->via;
    default:
        return NULL;
    }
}

static int
take_field(struct envelope *e, size_t *room, int tag, struct view v,
           const char **why)
{
    struct envelope_rcpt *last =
        e->rcpt_count ? &e->rcpts[e->rcpt_count - 1] : NULL;
    size_t max;
    struct view *text = text_field(e, tag, &max);
    uint64_t n = 0;
    int r = 0;

    if (text) {
        *text = v;
        return check_text(v, max, "text field", why);
    }
    switch (tag) {
    case TAG_RCPT:
        return take_rcpt(e, room, v, why);
    case TAG_NOTIFY:
    case TAG_ORCPT:
        *why = "recipient field without a recipient";
        if (!last)
            return -EBADMSG;
        if (tag == TAG_ORCPT) {
            last->orcpt = v;
            return check_text(v, ORCPT_MAX, "ORCPT", why);
        }
        if ((r = take_number(v, 1, &n, why)) == 0)
            last->notify = (uint8_t)n;
        return r;
    case TAG_RET:
        if ((r = take_number(v, 1, &n, why)) == 0)
            e->ret = (uint8_t)n;
        return r;
    case TAG_BODY:
        if ((r = take_number(v, 1, &n, why)) == 0)
            e->body = (uint8_t)n;
        return r;
    case TAG_FLAGS:
        if ((r = take_number(v, 4, &n, why)) == 0)
            e->flags = (uint32_t)n;
        return r;
    case TAG_NOTBEFORE:
        return take_number(v, 8, &e->notbefore, why);
    case TAG_EXPIRE:
        return take_number(v, 8, &e->expire, why);
    case TAG_CHOSENID:
        return take_number(v, 8, &e->chosenid, why);
    case TAG_SENDER:
        *why = "two senders";
        return -EBADMSG;
    default:
        *why = "unknown field";
        return -ENOTSUP;
    }
}

static int
parse(struct envelope *e, struct view bytes, const char **why)
{
    size_t room = 0;
    bool sender = false;

    *why = "too large";
    if (bytes.len > ENVELOPE_MAX)
        return -E2BIG;
    while (bytes.len) {
        struct view v;
        uint32_t len;
        int tag, r;

        *why = "cut field";
        if (bytes.len < FIELD_HEAD)
            return -EBADMSG;
        tag = (unsigned char)bytes.data[0];
        len = get_u32(bytes.data + 1);
        if (bytes.len - FIELD_HEAD < len)
            return -EBADMSG;
        v = view_make(bytes.data + FIELD_HEAD, len);
        bytes = view_from(bytes, FIELD_HEAD + len);
        if (!sender) {
            *why = "sender is not first";
            if (tag != TAG_SENDER)
                return -EBADMSG;
            e->sender = v;
            sender = true;
            r = check_text(v, ADDRESS_MAX, "sender address", why);
        } else {
            r = take_field(e, &room, tag, v, why);
        }
        if (r < 0)
            return r;
    }
    *why = "no recipients";
    return e->rcpt_count ? 0 : -EDESTADDRREQ;
}

int
envelope_parse(struct envelope *e, struct view bytes, const char **why)
{
    const char *ignored;
    int r;

    memset(e, 0, sizeof *e);
    r = parse(e, bytes, why ? why : &ignored);
    if (r < 0)
        envelope_free(e);
    return r;
}

void
envelope_free(struct envelope *e)
{
    free(e->rcpts);
    memset(e, 0, sizeof *e);
}
