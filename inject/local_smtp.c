#include "inject/local_smtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/addr.h"
#include "base/date.h"
#include "base/envelope.h"
#include "base/file.h"
#include "inject/post.h"
#include "inject/smtp_server.h"
#include "inject/user.h"

enum { ERRORS_MAX = 1000 };

struct local_smtp {
    const struct facts *facts;
    struct qualify names;
    struct smtp_server server;
    struct buf in;       /* what came from the caller */
    struct view rest;    /* of it: not yet taken by the dialogue */
    bool gone;           /* the caller hung up */
    bool whole;          /* the message's end was seen, its answer is due */
    struct rcpts rcpts;
    struct buf fields;   /* the same, with what was asked for each */
};

static void
flush(struct local_smtp *s)
{
    struct buf *out = &s->server.out;

    if (out->len && file_write(1, out->data, out->len) < 0)
        s->gone = true;
    buf_clear(out);
}

static void
read_more(struct local_smtp *s)
{
    buf_clear(&s->in);
    if (input_read(0, &s->in) <= 0)
        s->gone = true;
    s->rest = buf_view(&s->in);
}

/* Replies go out when the caller is waited for (RFC 2920 3.2). */
static enum smtp_server_event
next(struct local_smtp *s)
{
    for (;;) {
        enum smtp_server_event event = smtp_server_next(&s->server, &s->rest);

        if (event != SMTP_SERVER_MORE && event != SMTP_SERVER_CLOSE)
            return event;
        flush(s);
        if (event == SMTP_SERVER_CLOSE || s->gone)
            return SMTP_SERVER_CLOSE;
        read_more(s);
    }
}

/* input.h's source: the content of the message that is coming in. */
static int
more_content(void *arg, struct buf *b)
{
    struct local_smtp *s = arg;

    switch (s->whole ? SMTP_SERVER_END : next(s)) {
    case SMTP_SERVER_CONTENT:
        buf_addview(b, buf_view(&s->server.content));
        return 1;
    case SMTP_SERVER_END:
        s->whole = true;
        return 0;
    case SMTP_SERVER_VOID:
        return -EBADMSG;
    default:
        return -ECONNRESET;
    }
}

static void
drop(struct local_smtp *s)
{
    rcpts_free(&s->rcpts);
    buf_free(&s->fields);
}

static enum verdict
user_address(const struct local_smtp *s, struct buf *b, struct outcome *o)
{
    char *name, *fullname;

    if (user_names(&name, &fullname, o) != DONE)
        return LATER;
    addr_quote(b, view_of(name));
    buf_print(b, "@%s", s->facts->defaulthost);
    free(name);
    free(fullname);
    return DONE;
}

static enum verdict
complete(struct local_smtp *s, struct complete *c, struct view section,
         struct outcome *o)
{
    struct complete_facts facts = {
        .names = s->names,
        .rewrite = &s->facts->rewrite,
        .idhost = s->facts->idhost,
        .from = buf_view(&s->server.sender),
        .now_ms = date_now(),
        .chance = facts_chance(),
    };
    struct buf from = {0};
    enum verdict v;

    if (facts.from.len == 0 && complete_needs_from(section)) {
        if (user_address(s, &from, o) != DONE)
            return LATER;
        rewrite_sender(&s->facts->rewrite, &from);
        facts.from = buf_view(&from);
    }
    v = complete_header(c, section, &facts, &s->rcpts, o);
    buf_free(&from);
    return v;
}

/* 0 with o, or the error with which the content ended. */
static int
queue(struct local_smtp *s, struct outcome *o)
{
    const struct smtp_params *params = &s->server.mail_params;
    struct handover_envelope e = {
        .sender = buf_view(&s->server.sender),
        .rcpts = &s->rcpts,
        .fields = buf_view(&s->fields),
        .ret = params->ret,
        .body = params->body,
        .flags = params->smtputf8 ? ENVELOPE_SMTPUTF8 : 0,
        .envid = params->envid,
        .via = s->server.esmtp ? "esmtp" : "smtp",
    };
    struct complete c = {0};
    struct input in;
    int r;

    input_from(&in, more_content, s);
    r = input_open(&in, HEADER_MAX);
    if (r == -E2BIG)
        outcome_set(o, NEVER, "5.3.4", "the header is larger than %d bytes",
                    HEADER_MAX);
    else if (r == 0 && complete(s, &c, input_header(&in), o) == DONE)
        post_message(&in, &c, &e, s->facts->submitwait, o, &r);
    complete_free(&c);
    input_free(&in);
    return r == -E2BIG ? 0 : r;
}

/* The content comes, whatever became of what was there of it. */
static void
receive(struct local_smtp *s)
{
    struct outcome o;
    struct buf rest = {0};
    int r;

    s->whole = false;
    r = queue(s, &o);
    while (r == 0 && !s->whole) {
        r = more_content(s, &rest);
        buf_clear(&rest);
        r = r < 0 ? r : 0;
    }
    buf_free(&rest);
    if (r == 0)
        smtp_server_answer(&s->server, &o);
    drop(s);
}

static void
answer_address(struct local_smtp *s, struct buf *kept, struct outcome *o)
{
    const char *why;

    outcome_set(o, DONE, "2.1.0", "ok");
    if (kept->len && qualify_address(&s->names, kept, &why) < 0)
        outcome_set(o, NEVER, "5.1.3", "%s", why);
}

static void
on_rcpt(struct local_smtp *s)
{
    const struct smtp_params *params = &s->server.params;
    struct buf *rcpt = &s->server.rcpt;
    size_t count = s->rcpts.count;
    struct outcome o;

    answer_address(s, rcpt, &o);
    if (o.verdict == DONE)
        rewrite_rcpt(&s->facts->rewrite, rcpt);
    if (o.verdict == DONE && rcpts_add(&s->rcpts, buf_view(rcpt)) < 0)
        outcome_set(&o, LATER, "4.5.3", "too many recipients");
    if (s->rcpts.count > count) {
        envelope_put(&s->fields, TAG_RCPT, buf_view(rcpt));
        if (params->notify)
            envelope_put8(&s->fields, TAG_NOTIFY, params->notify);
        if (params->orcpt.len)
            envelope_put(&s->fields, TAG_ORCPT, params->orcpt);
    }
    smtp_server_answer(&s->server, &o);
}

/* Until the dialogue is over; whether a transaction was open then. */
static bool
serve(struct local_smtp *s)
{
    struct outcome o;

    for (;;) {
        switch (next(s)) {
        case SMTP_SERVER_MAIL:
            drop(s);
            answer_address(s, &s->server.sender, &o);
            rewrite_sender(&s->facts->rewrite, &s->server.sender);
            smtp_server_answer(&s->server, &o);
            break;
        case SMTP_SERVER_RCPT:
            on_rcpt(s);
            break;
        case SMTP_SERVER_DATA:
            outcome_set(&o, DONE, "2.0.0", "come");
            smtp_server_answer(&s->server, &o);
            receive(s);
            break;
        case SMTP_SERVER_VOID:
            drop(s);
            break;
        default:
            return s->gone && (s->rcpts.count ||
                               s->server.state == SMTP_SERVER_INSIDE);
        }
    }
}

int
local_smtp_run(const struct facts *facts)
{
    struct smtp_server_conf conf = {
        .name = facts->me,
        .offers = SMTP_PIPELINING | SMTP_SIZE | SMTP_8BITMIME | SMTP_SMTPUTF8 |
                  SMTP_DSN | SMTP_ENHANCED,
        .rcpt_max = ENVELOPE_RCPT_MAX,
        .error_max = ERRORS_MAX,
        .local = true,
    };
    struct local_smtp s = {.facts = facts, .names = facts_names(facts),
                           .rest = {"", 0}};
    bool open;

    smtp_server_init(&s.server, &conf);
    open = serve(&s);
    drop(&s);
    smtp_server_free(&s.server);
    buf_free(&s.in);
    return open ? EX_TEMPFAIL : EX_OK;
}
