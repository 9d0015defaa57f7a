#include "inject/handover.h"

#include <stdlib.h>
#include <string.h>

#include "base/envelope.h"
#include "base/file.h"
#include "base/utf8.h"

/* One address that is not ASCII asks for SMTPUTF8 (RFC 6531 3.4). */
static uint32_t
flags_of(const struct handover_envelope *e)
{
    bool ascii = utf8_ascii(e->sender) && utf8_ascii(buf_view(&e->rcpts->text));

    return e->flags | (ascii ? 0 : (uint32_t)ENVELOPE_SMTPUTF8);
}

static void
send_envelope(struct submit *s, const struct handover_envelope *e)
{
    enum { PART = 32 * 1024 };
    struct buf b = {0};

    envelope_put(&b, TAG_SENDER, e->sender);
    buf_addview(&b, e->fields);
    for (size_t i = 0; i < e->rcpts->count && e->fields.len == 0; i++) {
        envelope_put(&b, TAG_RCPT, rcpts_get(e->rcpts, i));
        if (e->notify)
            envelope_put8(&b, TAG_NOTIFY, e->notify);
        if (b.len >= PART) {
            submit_envelope(s, buf_view(&b));
            buf_clear(&b);
        }
    }
    if (e->ret)
        envelope_put8(&b, TAG_RET, e->ret);
    if (e->envid.len)
        envelope_put(&b, TAG_ENVID, e->envid);
    if (e->body)
        envelope_put8(&b, TAG_BODY, e->body);
    if (flags_of(e))
        envelope_put32(&b, TAG_FLAGS, flags_of(e));
    envelope_put(&b, TAG_VIA, view_of(e->via));
    submit_envelope(s, buf_view(&b));
    buf_free(&b);
}

const char *
handover_filter(void)
{
    const char *path = getenv("GODWITQUEUE");

    if (!path || !*path)
        path = getenv("QMAILQUEUE");
    return path && *path ? path : NULL;
}

enum verdict
handover_begin(struct handover *h, const struct handover_envelope *e,
               unsigned wait, struct outcome *o)
{
    enum verdict v;

    memset(h, 0, sizeof *h);
    h->e = e;
    if (e->print) {
        h->way = HANDOVER_PRINT;
        return DONE;
    }
    if (handover_filter()) {
        h->way = HANDOVER_FILTER;
        return filter_start(&h->program, handover_filter(), o);
    }
    h->way = HANDOVER_SUBMIT;
    v = submit_open(&h->submit, wait, o);
    if (v == DONE)
        send_envelope(&h->submit, e);
    return v;
}

bool
handover_content(struct handover *h, struct view bytes)
{
    switch (h->way) {
    case HANDOVER_FILTER:
        return filter_content(&h->program, bytes);
    case HANDOVER_PRINT:
        if (h->error == 0)
            h->error = file_write(1, bytes.data, bytes.len);
        return h->error == 0;
    default:
        submit_content(&h->submit, bytes.data, bytes.len);
        return !h->submit.failed;
    }
}

enum verdict
handover_end(struct handover *h, struct outcome *o)
{
    enum verdict v;
    id_text id;

    if (h->way == HANDOVER_FILTER)
        return filter_end(&h->program, h->e->sender, h->e->rcpts, o);
    if (h->way == HANDOVER_PRINT)
        return h->error ? outcome_errno(o, h->error, "cannot print")
                        : outcome_set(o, DONE, "2.0.0", "printed");
    v = submit_end(&h->submit, id, o);
    submit_close(&h->submit);
    return v;
}

void
handover_abort(struct handover *h)
{
    if (h->way == HANDOVER_FILTER)
        filter_abort(&h->program);
    else if (h->way == HANDOVER_SUBMIT)
        submit_close(&h->submit);
}
