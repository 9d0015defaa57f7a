#include "remote/smtp_client.h"

#include <assert.h>
#include <string.h>

#include "remote/fit.h"
#include "remote/smtp_command.h"

static void on_greeting(struct smtp_client *c);
static void on_ehlo(struct smtp_client *c);
static void on_helo(struct smtp_client *c);
static void on_rset(struct smtp_client *c);
static void on_mail(struct smtp_client *c);
static void on_rcpt(struct smtp_client *c);
static void on_data(struct smtp_client *c);
static void on_dot(struct smtp_client *c);
static void on_lonedot(struct smtp_client *c);
static void on_quit(struct smtp_client *c);

/* What stands for each stage in texts, the longest wait in seconds (RFC 5321
 * 4.5.3.2; where it is silent, what it gives MAIL), and who takes the reply;
 * a reply where nobody takes it came out of turn. */
static const struct {
    const char *word;
    const char *when;
    unsigned wait;
    void (*take)(struct smtp_client *c);
} stages[] = {
    [STAGE_GREETING] = {"greeting", "at the greeting", 300, on_greeting},
    [STAGE_EHLO] = {"EHLO", "after EHLO", 300, on_ehlo},
    [STAGE_HELO] = {"HELO", "after HELO", 300, on_helo},
    [STAGE_READY] = {"idle", "between two messages", 300, NULL},
    [STAGE_RSET] = {"RSET", "after RSET", 300, on_rset},
    [STAGE_MAIL] = {"MAIL", "after MAIL", 300, on_mail},
    [STAGE_RCPT] = {"RCPT", "after RCPT", 300, on_rcpt},
    [STAGE_DATA] = {"DATA", "after DATA", 120, on_data},
    [STAGE_CONTENT] = {"content", "within the message", 180, NULL},
    [STAGE_DOT] = {"final dot", "after the final dot", 600, on_dot},
    [STAGE_LONEDOT] = {"final dot", "after a lone dot", 600, on_lonedot},
    [STAGE_QUIT] = {"QUIT", "after QUIT", 5, on_quit},
    [STAGE_OVER] = {"end", "at the end", 1, NULL},
};

void
smtp_client_init(struct smtp_client *c, const char *helo)
{
    memset(c, 0, sizeof *c);
    c->helo = helo;
    c->stage = STAGE_GREETING;
}

void
smtp_client_free(struct smtp_client *c)
{
    buf_free(&c->out);
    smtp_reply_free(&c->reply);
}

unsigned
smtp_client_wait(const struct smtp_client *c)
{
    return stages[c->stage].wait;
}

bool
smtp_client_committed(const struct smtp_client *c)
{
    return c->mail && c->dotted &&
           (c->stage == STAGE_CONTENT || c->stage == STAGE_DOT);
}

enum smtp_step
smtp_client_step(const struct smtp_client *c)
{
    switch (c->stage) {
    case STAGE_READY:
        return SMTP_READY;
    case STAGE_CONTENT:
        return SMTP_CONTENT;
    case STAGE_OVER:
        return SMTP_OVER;
    default:
        return SMTP_WAIT;
    }
}

/* The reply as an outcome: "RCPT: 550 5.1.1 no such user". */
static void
reply_outcome(const struct smtp_client *c, enum verdict v, struct outcome *o)
{
    struct buf words = {0};
    char code[12];

    smtp_reply_status(&c->reply, v, code);
    smtp_reply_words(&c->reply, &words);
    if (v == DONE)
        outcome_set(o, v, code, "%s", words.data);
    else
        outcome_set(o, v, code, "%s: %s", stages[c->stage].word, words.data);
    buf_free(&words);
}

/* The transaction is over, the connection is not. */
static void
finish(struct smtp_client *c)
{
    c->mail = NULL;
    c->stage = STAGE_READY;
}

void
smtp_client_fail(struct smtp_client *c, const struct outcome *o)
{
    if (c->mail && c->stage <= STAGE_MAIL) {
        c->failure = *o;
    } else if (c->mail) {
        smtp_mail_settle_all(c->mail, o);
        c->mail = NULL;
    }
    c->stage = STAGE_OVER;
}

static void
fail_by_reply(struct smtp_client *c)
{
    struct outcome o;

    reply_outcome(c, LATER, &o);
    smtp_client_fail(c, &o);
}

/* A verdict by the reply for what a 2yz would have let go on; a connection
 * that answers neither 2yz, 4yz nor 5yz is out of step. */
static enum verdict
judge(struct smtp_client *c, struct outcome *o)
{
    enum verdict v = verdict_of_smtp(c->reply.code);

    /* A bad sequence after a 4yz is that 4yz once more, no verdict. */
    if (c->reply.code == 503 && c->delayed)
        v = LATER;
    if (v == LATER)
        c->delayed = true;
    reply_outcome(c, v, o);
    return v;
}

static bool
out_of_step(const struct smtp_client *c)
{
    return c->reply.code / 100 == 3;
}

static void
settle_accepted(struct smtp_client *c, const struct outcome *o)
{
    struct smtp_mail *m = c->mail;

    for (uint32_t i = 0; i < m->job->rcpt_count; i++)
        if (m->rcpt[i] == RCPT_ACCEPTED)
            smtp_mail_settle(m, i, o);
}

/* The first recipient from i on that takes part: named in a RCPT command. */
static uint32_t
next_rcpt(const struct smtp_client *c, uint32_t i)
{
    while (i < c->mail->job->rcpt_count && !c->mail->named[i])
        i++;
    return i;
}

/* What the server cannot take leaves before MAIL; the rest is named. */
static bool
mail_fits(struct smtp_client *c)
{
    struct smtp_mail *m = c->mail;
    bool offered = c->extensions & SMTP_SMTPUTF8;
    uint32_t flags = m->job->flags;
    struct outcome o;

    if (fit_needs_utf8(m->job->sender))
        flags |= JOB_SMTPUTF8;
    c->utf8 = flags & JOB_SMTPUTF8;
    if (!fit_content(flags, c->extensions, &o) ||
        !fit_size(m->job->length, c->size_limit, &o)) {
        smtp_mail_settle_all(m, &o);
        return false;
    }
    outcome_set(&o, NEVER, "5.6.7",
                "the address needs SMTPUTF8, which the server does not offer");
    for (uint32_t i = 0; i < m->job->rcpt_count; i++) {
        bool needs = fit_needs_utf8(m->job->rcpts[i].address);

        if (needs && !offered && m->rcpt[i] != RCPT_SETTLED)
            smtp_mail_settle(m, i, &o);
        m->named[i] = m->rcpt[i] != RCPT_SETTLED;
        c->utf8 = c->utf8 || (needs && m->named[i]);
    }
    return m->open > 0;
}

static void
put_mail(struct smtp_client *c)
{
    smtp_command_mail(&c->out, c->mail->job, c->extensions, c->utf8);
}

static void
put_rcpt(struct smtp_client *c, uint32_t i)
{
    smtp_command_rcpt(&c->out, &c->mail->job->rcpts[i], c->extensions);
}

/* RSET if it is due, MAIL, and with PIPELINING all up to DATA, which ends
 * the group (RFC 2920 3.1). */
static void
start_mail(struct smtp_client *c)
{
    c->accepted = 0;
    c->delayed = c->dotted = false;
    c->ahead = c->extensions & SMTP_PIPELINING;
    if (!mail_fits(c)) {
        finish(c);
        return;
    }
    c->stage = c->dirty ? STAGE_RSET : STAGE_MAIL;
    if (c->dirty) {
        buf_addstr(&c->out, "RSET\r\n");
        if (!c->ahead)
            return;
    }
    put_mail(c);
    if (!c->ahead)
        return;
    for (uint32_t i = next_rcpt(c, 0); i < c->mail->job->rcpt_count;
         i = next_rcpt(c, i + 1))
        put_rcpt(c, i);
    buf_addstr(&c->out, "DATA\r\n");
}

static void
begin(struct smtp_client *c)
{
    if (c->mail)
        start_mail(c);
    else
        c->stage = STAGE_READY;
}

static void
on_greeting(struct smtp_client *c)
{
    if (c->reply.code / 100 != 2) {
        fail_by_reply(c);
        return;
    }
    buf_print(&c->out, "EHLO %s\r\n", c->helo);
    c->stage = STAGE_EHLO;
}

static void
on_ehlo(struct smtp_client *c)
{
    struct view text = buf_view(&c->reply.text), line, argument;

    if (c->reply.code / 100 == 5) {
        /* RFC 5321 3.2: a server that knows no EHLO. */
        buf_print(&c->out, "HELO %s\r\n", c->helo);
        c->stage = STAGE_HELO;
        return;
    }
    if (c->reply.code / 100 != 2) {
        fail_by_reply(c);
        return;
    }
    view_line(&text, &line); /* the first names the server */
    while (view_line(&text, &line)) {
        uint32_t bit = smtp_extension(line, &argument);

        c->extensions |= bit;
        if (bit == SMTP_SIZE &&
            !view_number(argument, UINT64_MAX, &c->size_limit))
            c->size_limit = 0;
    }
    begin(c);
}

static void
on_helo(struct smtp_client *c)
{
    if (c->reply.code / 100 == 2)
        begin(c);
    else
        fail_by_reply(c);
}

static void
on_rset(struct smtp_client *c)
{
    if (c->reply.code / 100 != 2) {
        fail_by_reply(c);
        return;
    }
    c->dirty = false;
    c->stage = STAGE_MAIL;
    if (!c->ahead)
        put_mail(c);
}

/* On to the next recipient's answer, or to DATA's. */
static void
go_rcpt(struct smtp_client *c, uint32_t i)
{
    c->rcpt = next_rcpt(c, i);
    if (c->rcpt < c->mail->job->rcpt_count) {
        c->stage = STAGE_RCPT;
        if (!c->ahead)
            put_rcpt(c, c->rcpt);
    } else if (c->ahead || c->accepted > 0) {
        c->stage = STAGE_DATA;
        if (!c->ahead)
            buf_addstr(&c->out, "DATA\r\n");
    } else {
        finish(c);
    }
}

static void
on_mail(struct smtp_client *c)
{
    struct outcome o;

    if (out_of_step(c)) {
        fail_by_reply(c);
    } else if (judge(c, &o) == DONE) {
        c->dirty = true;
        go_rcpt(c, 0);
    } else {
        smtp_mail_settle_all(c->mail, &o);
        if (c->ahead)
            go_rcpt(c, 0); /* the answers of the group come all the same */
        else
            finish(c);
    }
}

static void
on_rcpt(struct smtp_client *c)
{
    struct smtp_mail *m = c->mail;
    struct outcome o;

    if (out_of_step(c)) {
        fail_by_reply(c);
        return;
    }
    /* Settled already: MAIL was refused, this only echoes it. */
    if (m->rcpt[c->rcpt] != RCPT_SETTLED) {
        if (judge(c, &o) == DONE) {
            m->rcpt[c->rcpt] = RCPT_ACCEPTED;
            c->accepted++;
        } else {
            smtp_mail_settle(m, c->rcpt, &o);
        }
    }
    go_rcpt(c, c->rcpt + 1);
}

static void
on_data(struct smtp_client *c)
{
    struct outcome o;

    if (c->reply.code / 100 == 3) {
        if (c->accepted > 0) {
            c->stage = STAGE_CONTENT;
        } else {
            /* RFC 2920 3.1: the group went out before we knew. */
            buf_addstr(&c->out, ".\r\n");
            c->stage = STAGE_LONEDOT;
        }
    } else if (c->reply.code / 100 == 2) {
        fail_by_reply(c);
    } else {
        judge(c, &o);
        settle_accepted(c, &o);
        finish(c);
    }
}

static void
on_dot(struct smtp_client *c)
{
    struct outcome o;

    if (out_of_step(c)) {
        fail_by_reply(c);
        return;
    }
    judge(c, &o);
    settle_accepted(c, &o);
    c->dirty = false;
    finish(c);
}

static void
on_lonedot(struct smtp_client *c)
{
    if (out_of_step(c))
        fail_by_reply(c);
    else
        finish(c);
}

static void
on_quit(struct smtp_client *c)
{
    c->stage = STAGE_OVER;
}

void
smtp_client_lost(struct smtp_client *c, const char *code, const char *why)
{
    const char *doubt = smtp_client_committed(c)
                            ? ": the message may have been delivered"
                            : "";
    struct outcome o;

    outcome_set(&o, LATER, code, "%s %s%s", why, stages[c->stage].when, doubt);
    smtp_client_fail(c, &o);
}

void
smtp_client_abort(struct smtp_client *c, const struct outcome *o)
{
    if (c->mail)
        smtp_mail_settle_all(c->mail, o);
    c->mail = NULL;
    c->stage = STAGE_OVER;
}

/* Bytes that no command asked for.  While the content goes out they are not
 * the answer to the final dot, whatever they say. */
static void
out_of_turn(struct smtp_client *c, struct view bytes)
{
    struct buf why = {0};

    buf_addstr(&why, "the server spoke out of turn");
    if (smtp_reply_take(&c->reply, &bytes) == 1) {
        buf_addstr(&why, " (");
        smtp_reply_words(&c->reply, &why);
        buf_addstr(&why, ")");
    }
    smtp_client_lost(c, "4.5.0", why.data);
    buf_free(&why);
}

enum smtp_step
smtp_client_feed(struct smtp_client *c, struct view bytes)
{
    while (bytes.len && c->stage != STAGE_OVER) {
        int r;

        if (!stages[c->stage].take) {
            out_of_turn(c, bytes);
            break;
        }
        r = smtp_reply_take(&c->reply, &bytes);
        if (r == 0)
            break;
        if (r < 0) {
            smtp_client_lost(c, "4.5.0", "unreadable answer");
            break;
        }
        c->answers++;
        /* 421 closes the connection wherever it comes (RFC 5321 3.8). */
        if (c->reply.code == 421)
            fail_by_reply(c);
        else
            stages[c->stage].take(c);
        smtp_reply_clear(&c->reply);
    }
    return smtp_client_step(c);
}

enum smtp_step
smtp_client_mail(struct smtp_client *c, struct smtp_mail *m)
{
    assert(!c->mail && c->stage <= STAGE_READY);
    c->mail = m;
    if (c->stage == STAGE_READY)
        start_mail(c);
    return smtp_client_step(c);
}

void
smtp_client_dot(struct smtp_client *c)
{
    assert(c->stage == STAGE_CONTENT && !c->dotted);
    buf_addstr(&c->out, ".\r\n");
    c->dotted = true;
}

void
smtp_client_sent(struct smtp_client *c)
{
    if (c->stage == STAGE_CONTENT && c->dotted)
        c->stage = STAGE_DOT;
}

void
smtp_client_quit(struct smtp_client *c)
{
    assert(c->stage == STAGE_READY);
    buf_addstr(&c->out, "QUIT\r\n");
    c->stage = STAGE_QUIT;
}
