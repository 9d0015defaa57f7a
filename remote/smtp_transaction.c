#include "remote/smtp_transaction.h"

#include <string.h>

#include "remote/fit.h"
#include "remote/smtp_command.h"

/* What the reply is to; the last chunk may be out when one before it is
 * answered. */
static const char *
asked(const struct smtp_client *c)
{
    bool before = c->stage == STAGE_LAST && c->chunks_open > 1;

    return smtp_stage_word(before ? STAGE_CHUNK : c->stage);
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
        outcome_set(o, v, code, "%s: %s", asked(c), words.data);
    buf_free(&words);
}

void
smtp_finish(struct smtp_client *c)
{
    c->mail = NULL;
    c->stage = STAGE_READY;
}

void
smtp_fail_by_reply(struct smtp_client *c)
{
    struct outcome o;

    reply_outcome(c, LATER, &o);
    smtp_client_fail(c, &o);
}

enum verdict
smtp_judge(struct smtp_client *c, struct outcome *o)
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

/* A connection that answers neither 2yz, 4yz nor 5yz. */
static bool
out_of_step(const struct smtp_client *c)
{
    return c->reply.code / 100 == 3;
}

void
smtp_settle_accepted(struct smtp_client *c, const struct outcome *o)
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

/* Whether one more than named recipients have room.  A session that has seen
 * as many domains as may be is of use to nobody else. */
static bool
rcpt_fits(struct smtp_client *c, uint32_t i, uint32_t named)
{
    if (c->limits.rcpts && named >= c->limits.rcpts)
        return false;
    if (smtp_limits_domain(&c->limits, c->mail->job->rcpts[i].address))
        return true;
    c->full = true;
    return false;
}

/* What the server cannot take leaves before MAIL; of the rest, those who have
 * room are named. */
static bool
mail_fits(struct smtp_client *c)
{
    struct smtp_mail *m = c->mail;
    bool offered = c->extensions & SMTP_SMTPUTF8;
    uint32_t flags = m->job->flags, named = 0;
    struct outcome o;

    if (fit_needs_utf8(m->job->sender))
        flags |= JOB_SMTPUTF8;
    c->utf8 = flags & JOB_SMTPUTF8;
    c->convert = fit_convert(flags, c->extensions);
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
        m->named[i] = m->rcpt[i] != RCPT_SETTLED && rcpt_fits(c, i, named);
        named += m->named[i];
        c->utf8 = c->utf8 || (needs && m->named[i]);
    }
    return named > 0;
}

/* How large it will be when converted is not known (RFC 1870 5). */
static void
put_mail(struct smtp_client *c)
{
    uint32_t hidden = c->convert ? SMTP_SIZE : 0;

    smtp_command_mail(&c->out, c->mail->job, c->extensions & ~hidden,
                      c->utf8);
    if (++c->limits.mails_used == c->limits.mails)
        c->full = true;
}

static void
put_rcpt(struct smtp_client *c, uint32_t i)
{
    smtp_command_rcpt(&c->out, &c->mail->job->rcpts[i], c->extensions);
}

/* Whether the content goes out before anything is answered: unlike that of
 * DATA, which waits for 354, a chunk is a command like others (RFC 3030 2).
 * If the connection is lost then, nobody knows what the server has; so only
 * where it took a mail in this session, for the first may still be another
 * host's.  Not behind RSET: a server that refuses it, and takes the rest,
 * would have the mail though the session is given up.  Nor where we are
 * somebody: a server that refuses the chunk unread would take its lines for
 * our commands. */
static bool
goes_along(const struct smtp_client *c)
{
    return c->ahead && c->chunks && c->proven && !c->dirty && !c->known &&
           !c->apart && !c->mail->apart &&
           c->mail->job->length <= SMTP_GROUP_MAX;
}

/* RSET if it is due, MAIL, and with PIPELINING all up to DATA, which ends
 * the group (RFC 2920 3.1), or to the only chunk.  Several chunks go when
 * somebody is accepted. */
void
smtp_start_mail(struct smtp_client *c)
{
    c->accepted = c->chunks_open = 0;
    c->delayed = c->dotted = c->chunk_leaving = c->chunk_refused = false;
    c->ahead = c->extensions & SMTP_PIPELINING;
    c->chunks = c->extensions & SMTP_CHUNKING;
    /* Another host of the destination may offer it (RFC 8689 4.2.1). */
    if (!fit_content(c->mail->job->flags & JOB_REQUIRETLS, c->extensions,
                     &c->failure)) {
        c->stage = STAGE_OVER;
        return;
    }
    if (!mail_fits(c)) {
        smtp_finish(c);
        return;
    }
    c->grouped = goes_along(c);
    c->stage = c->dirty ? STAGE_RSET : c->grouped ? STAGE_GROUP : STAGE_MAIL;
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
    if (!c->chunks)
        buf_addstr(&c->out, "DATA\r\n");
}

void
smtp_on_rset(struct smtp_client *c)
{
    if (c->reply.code / 100 != 2) {
        smtp_fail_by_reply(c);
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
    } else if (c->chunks && (c->grouped || c->accepted > 0)) {
        smtp_go_chunk(c);
    } else if (!c->chunks && (c->ahead || c->accepted > 0)) {
        c->stage = STAGE_DATA;
        if (!c->ahead)
            buf_addstr(&c->out, "DATA\r\n");
    } else {
        smtp_finish(c);
    }
}

void
smtp_on_mail(struct smtp_client *c)
{
    struct outcome o;

    if (out_of_step(c)) {
        smtp_fail_by_reply(c);
    } else if (smtp_judge(c, &o) == DONE) {
        c->dirty = true;
        go_rcpt(c, 0);
    } else {
        smtp_mail_settle_all(c->mail, &o);
        if (c->ahead)
            go_rcpt(c, 0); /* the answers of the group come all the same */
        else
            smtp_finish(c);
    }
}

/* "Too many recipients" (RFC 5321 4.5.3.1.10, where 552 says it too): those
 * accepted go, the others in a next transaction.  Other reasons that the two
 * codes have are told by RFC 3463's. */
static bool
too_many(const struct smtp_client *c, const struct outcome *o)
{
    return (c->reply.code == 452 || c->reply.code == 552) &&
           (strcmp(o->code + 1, ".5.3") == 0 ||
            (c->accepted > 0 && strcmp(o->code + 1, ".0.0") == 0));
}

/* Somebody who is refused. */
static void
refuse_rcpt(struct smtp_client *c, struct outcome *o)
{
    struct smtp_mail *m = c->mail;

    if (too_many(c, o) && c->accepted > 0) {
        m->named[c->rcpt] = false;
        return;
    }
    if (too_many(c, o))
        reply_outcome(c, LATER, o);
    smtp_mail_settle(m, c->rcpt, o);
}

void
smtp_on_rcpt(struct smtp_client *c)
{
    struct smtp_mail *m = c->mail;
    struct outcome o;

    if (out_of_step(c)) {
        smtp_fail_by_reply(c);
        return;
    }
    /* Settled already: MAIL was refused, this only echoes it. */
    if (m->rcpt[c->rcpt] != RCPT_SETTLED) {
        if (smtp_judge(c, &o) == DONE) {
            m->rcpt[c->rcpt] = RCPT_ACCEPTED;
            c->accepted++;
        } else {
            refuse_rcpt(c, &o);
        }
    }
    go_rcpt(c, c->rcpt + 1);
}

void
smtp_on_data(struct smtp_client *c)
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
        smtp_fail_by_reply(c);
    } else {
        smtp_judge(c, &o);
        smtp_settle_accepted(c, &o);
        smtp_finish(c);
    }
}

void
smtp_on_dot(struct smtp_client *c)
{
    struct outcome o;

    if (out_of_step(c)) {
        smtp_fail_by_reply(c);
        return;
    }
    smtp_judge(c, &o);
    smtp_settle_accepted(c, &o);
    c->dirty = false;
    smtp_finish(c);
}

void
smtp_on_lonedot(struct smtp_client *c)
{
    if (out_of_step(c))
        smtp_fail_by_reply(c);
    else
        smtp_finish(c);
}

