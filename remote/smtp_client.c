#include "remote/smtp_client.h"

#include <assert.h>
#include <string.h>

#include "remote/smtp_transaction.h"

static void on_greeting(struct smtp_client *c);
static void on_ehlo(struct smtp_client *c);
static void on_helo(struct smtp_client *c);
static void on_starttls(struct smtp_client *c);
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
    [STAGE_STARTTLS] = {"STARTTLS", "after STARTTLS", 120, on_starttls},
    [STAGE_HANDSHAKE] = {"TLS", "within the TLS handshake", 120, NULL},
    [STAGE_AUTH] = {"AUTH", "after AUTH", 300, smtp_on_auth},
    [STAGE_READY] = {"idle", "between two messages", 300, NULL},
    [STAGE_GROUP] = {"MAIL", "before MAIL", 300, NULL},
    [STAGE_RSET] = {"RSET", "after RSET", 300, smtp_on_rset},
    [STAGE_MAIL] = {"MAIL", "after MAIL", 300, smtp_on_mail},
    [STAGE_RCPT] = {"RCPT", "after RCPT", 300, smtp_on_rcpt},
    [STAGE_DATA] = {"DATA", "after DATA", 120, smtp_on_data},
    [STAGE_CONTENT] = {"content", "within the message", 180, NULL},
    [STAGE_DOT] = {"final dot", "after the final dot", 600, smtp_on_dot},
    [STAGE_CHUNK] = {"BDAT", "within the message", 180, smtp_on_chunk},
    [STAGE_LAST] = {"BDAT LAST", "after the last chunk", 600, smtp_on_chunk},
    [STAGE_LONEDOT] = {"final dot", "after a lone dot", 600, smtp_on_lonedot},
    [STAGE_QUIT] = {"QUIT", "after QUIT", 5, on_quit},
    [STAGE_OVER] = {"end", "at the end", 1, NULL},
};

const char *
smtp_stage_word(enum smtp_stage stage)
{
    return stages[stage].word;
}

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
    auth_free(c->auth);
    buf_free(&c->auth_first);
    buf_free(&c->auth_words);
    smtp_limits_free(&c->limits);
}

unsigned
smtp_client_wait(const struct smtp_client *c)
{
    return stages[c->stage].wait;
}

bool
smtp_client_committed(const struct smtp_client *c)
{
    return c->mail && c->dotted && c->stage != STAGE_OVER;
}

bool
smtp_client_ending(const struct smtp_client *c)
{
    return smtp_client_committed(c) && c->stage >= STAGE_CONTENT;
}

enum smtp_step
smtp_client_step(const struct smtp_client *c)
{
    switch (c->stage) {
    case STAGE_READY:
        return SMTP_READY;
    case STAGE_HANDSHAKE:
        return SMTP_HANDSHAKE;
    case STAGE_GROUP:
    case STAGE_CONTENT:
        return SMTP_CONTENT;
    case STAGE_CHUNK:
        return smtp_chunk_may_go(c) ? SMTP_CONTENT : SMTP_WAIT;
    case STAGE_OVER:
        return SMTP_OVER;
    default:
        return SMTP_WAIT;
    }
}

void
smtp_client_fail(struct smtp_client *c, const struct outcome *o)
{
    if (c->mail && c->stage <= STAGE_MAIL && !c->dotted) {
        c->failure = *o;
    } else if (c->mail) {
        smtp_mail_settle_all(c->mail, o);
        c->mail = NULL;
    }
    c->stage = STAGE_OVER;
}

void
smtp_begin_mail(struct smtp_client *c)
{
    if (c->mail)
        smtp_start_mail(c);
    else
        c->stage = STAGE_READY;
}

static void
begin(struct smtp_client *c)
{
    struct outcome o;

    if (c->tls_needed && !c->secured) {
        outcome_set(&o, LATER, "4.7.4",
                    "tlspolicy demands TLS, and the host does not offer it");
        smtp_client_fail(c, &o);
    } else if (c->known) {
        smtp_start_auth(c);
    } else {
        smtp_begin_mail(c);
    }
}

static void
hello(struct smtp_client *c)
{
    buf_print(&c->out, "EHLO %s\r\n", c->helo);
    c->stage = STAGE_EHLO;
}

static void
on_greeting(struct smtp_client *c)
{
    if (c->reply.code / 100 != 2) {
        smtp_fail_by_reply(c);
        return;
    }
    hello(c);
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
        smtp_fail_by_reply(c);
        return;
    }
    view_line(&text, &line); /* the first names the server */
    while (view_line(&text, &line)) {
        uint32_t bit = smtp_extension(line, &argument);

        c->extensions |= bit;
        if (bit == SMTP_AUTH) {
            buf_clear(&c->auth_words);
            buf_addview(&c->auth_words, argument);
        }
        if (bit == SMTP_SIZE &&
            !view_number(argument, UINT64_MAX, &c->size_limit))
            c->size_limit = 0;
        if (bit == SMTP_LIMITS)
            smtp_limits_read(&c->limits, argument);
    }
    /* RFC 8689 4.2.1: only over TLS with a server that is known. */
    if (!c->verified)
        c->extensions &= ~(uint32_t)SMTP_REQUIRETLS;
    if (c->tls_wanted && !c->secured && (c->extensions & SMTP_STARTTLS)) {
        buf_addstr(&c->out, "STARTTLS\r\n");
        c->stage = STAGE_STARTTLS;
        c->securing = true;
        return;
    }
    begin(c);
}

/* Whoever refuses it may still be talked to in clear. */
static void
on_starttls(struct smtp_client *c)
{
    if (c->reply.code / 100 == 2) {
        c->stage = STAGE_HANDSHAKE;
    } else if (c->reply.code / 100 == 3) {
        smtp_fail_by_reply(c);
    } else {
        c->securing = false;
        begin(c);
    }
}

void
smtp_client_implicit(struct smtp_client *c)
{
    assert(c->stage == STAGE_GREETING);
    c->stage = STAGE_HANDSHAKE;
    c->implicit = c->securing = true;
}

enum smtp_step
smtp_client_secured(struct smtp_client *c, bool verified)
{
    assert(c->stage == STAGE_HANDSHAKE && !c->secured);
    c->secured = true;
    c->securing = false;
    c->verified = verified;
    c->extensions = 0;
    c->size_limit = 0;
    smtp_limits_read(&c->limits, view_of(""));
    buf_clear(&c->auth_words);
    if (c->implicit)
        c->stage = STAGE_GREETING;
    else
        hello(c);
    return smtp_client_step(c);
}

static void
on_helo(struct smtp_client *c)
{
    if (c->reply.code / 100 == 2)
        begin(c);
    else
        smtp_fail_by_reply(c);
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

    outcome_set(&o, LATER, code, "%.250s %s%s", why, stages[c->stage].when,
                doubt);
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

/* A group has one answer for each command: where more bytes come than that,
 * one before may have been nobody's, and this is not the chunk's. */
static bool
one_too_many(const struct smtp_client *c, struct view behind)
{
    return c->stage == STAGE_LAST && c->grouped && behind.len > 0;
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

        /* Came in clear behind the answer to STARTTLS: nobody's words. */
        if (c->stage == STAGE_HANDSHAKE)
            break;
        /* What is still in out was not asked yet. */
        if (!stages[c->stage].take || smtp_chunk_unasked(c) || c->out.len) {
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
        /* 421 closes the connection wherever it comes (RFC 5321 3.8): what
         * else is on its way there will not be heard. */
        if (c->reply.code == 421) {
            c->dotted = false;
            smtp_fail_by_reply(c);
        } else if (one_too_many(c, bytes)) {
            smtp_reply_clear(&c->reply);
            out_of_turn(c, bytes);
        } else {
            stages[c->stage].take(c);
        }
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
        smtp_start_mail(c);
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
    else
        smtp_chunk_sent(c);
}

void
smtp_client_quit(struct smtp_client *c)
{
    assert(c->stage == STAGE_READY);
    buf_addstr(&c->out, "QUIT\r\n");
    c->stage = STAGE_QUIT;
}
