#include "inject/smtp_server.h"

#include <assert.h>
#include <string.h>

#include "base/addr.h"
#include "base/addrlist.h"
#include "base/envelope.h"
#include "base/utf8.h"
#include "inject/smtp_content.h"

void
smtp_server_init(struct smtp_server *s, const struct smtp_server_conf *conf)
{
    memset(s, 0, sizeof *s);
    s->conf = conf;
}

void
smtp_server_free(struct smtp_server *s)
{
    buf_free(&s->out);
    buf_free(&s->helo);
    buf_free(&s->sender);
    buf_free(&s->rcpt);
    buf_free(&s->mail_line);
    buf_free(&s->content);
    buf_free(&s->line);
}

/* One reply line; enhanced may be NULL (RFC 2034 4: not in greeting, HELO). */
static void
reply(struct smtp_server *s, int code, const char *enhanced, const char *text)
{
    if (enhanced && s->conf->offers & SMTP_ENHANCED)
        buf_print(&s->out, "%d %s %s\r\n", code, enhanced, text);
    else
        buf_print(&s->out, "%d %s\r\n", code, text);
}

static void
refuse(struct smtp_server *s, int code, const char *enhanced,
       const char *text)
{
    if (s->conf->error_max && ++s->errors >= s->conf->error_max)
        smtp_server_stop(s, "too many errors");
    else
        reply(s, code, enhanced, text);
}

/* The reply code for a refusal, RFC 5321 4.2.3. */
static int
code_of(const struct outcome *o)
{
    static const struct {
        const char *enhanced;
        int code;
    } rows[] = {
        {"4.3.1", 452}, {"4.5.3", 452}, {"5.3.4", 552}, {"5.5.4", 555},
        {"5.6.7", 553},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(o->code, rows[i].enhanced) == 0)
            return rows[i].code;
    return o->verdict == LATER ? 451 : 550;
}

static void
refuse_outcome(struct smtp_server *s, const struct outcome *o)
{
    /* Both codes are of one class. */
    const char *fallback = o->verdict == LATER ? "4.0.0" : "5.0.0";
    bool fits = o->code[0] == (code_of(o) < 500 ? '4' : '5');

    refuse(s, code_of(o), fits ? o->code : fallback, o->text);
}

void
smtp_server_stop(struct smtp_server *s, const char *text)
{
    reply(s, 421, "4.3.2", text);
    s->state = SMTP_SERVER_CLOSED;
}

/* Back to no transaction; whether there was one. */
static bool
reset(struct smtp_server *s)
{
    bool was = s->state == SMTP_SERVER_SENDER ||
               s->state == SMTP_SERVER_INSIDE;

    if (was)
        s->state = SMTP_SERVER_IDLE;
    buf_clear(&s->sender);
    buf_clear(&s->rcpt);
    s->rcpt_count = 0;
    return was;
}

static void
greet(struct smtp_server *s, struct view name)
{
    const struct smtp_server_conf *conf = s->conf;
    static const struct {
        uint32_t bit;
        const char *line;
    } lines[] = {
        {SMTP_PIPELINING, "PIPELINING"}, {SMTP_8BITMIME, "8BITMIME"},
        {SMTP_SMTPUTF8, "SMTPUTF8"},     {SMTP_DSN, "DSN"},
        {SMTP_ENHANCED, "ENHANCEDSTATUSCODES"},
    };

    buf_clear(&s->helo);
    buf_addview(&s->helo, name);
    if (!s->esmtp) {
        reply(s, 250, NULL, conf->name);
        return;
    }
    buf_print(&s->out, "250-%s\r\n", conf->name);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (conf->offers & lines[i].bit)
            buf_print(&s->out, "250-%s\r\n", lines[i].line);
    if (!(conf->offers & SMTP_SIZE))
        buf_addstr(&s->out, "250 HELP\r\n");
    else if (conf->size_max)
        buf_print(&s->out, "250 SIZE %ju\r\n", (uintmax_t)conf->size_max);
    else
        buf_addstr(&s->out, "250 SIZE\r\n");
}

static enum smtp_server_event
do_hello(struct smtp_server *s, struct view rest, bool esmtp)
{
    bool was;

    if (rest.len == 0 || rest.len > ADDR_DOMAIN_MAX || addr_unclean(rest)) {
        refuse(s, 501, "5.5.4", "a name, please");
        return SMTP_SERVER_MORE;
    }
    was = reset(s);
    s->esmtp = esmtp;
    greet(s, rest);
    return was ? SMTP_SERVER_VOID : SMTP_SERVER_MORE;
}

/* "FROM:<...>" or "TO:<...>": takes word and path off *rest. */
static bool
take_path(struct smtp_server *s, const char *word, struct view *rest,
          struct buf *kept)
{
    size_t len = strlen(word);
    struct view local, domain;
    const char *why;

    buf_clear(kept);
    if (rest->len < len ||
        !view_equalcase(view_make(rest->data, len), view_of(word))) {
        refuse(s, 501, "5.5.4", "syntax: MAIL FROM:<address>, "
               "RCPT TO:<address>");
        return false;
    }
    *rest = view_from(*rest, len);
    /* RFC 5321 3.3 allows no blank here; many send one. */
    while (rest->len && rest->data[0] == ' ')
        *rest = view_from(*rest, 1);
    if (addrlist_path(rest, kept, &why) < 0 || kept->len > ADDRESS_MAX) {
        refuse(s, 501, "5.1.3", "not an address");
        return false;
    }
    if (s->conf->local)
        return true;
    addr_split(buf_view(kept), &local, &domain);
    if (domain.len && !addr_domain(domain, &why)) {
        refuse(s, 501, "5.1.3", why);
        return false;
    }
    if (kept->len && !domain.len &&
        !view_equalcase(local, view_of("postmaster"))) {
        refuse(s, 553, "5.1.3", "an address with a domain, please");
        return false;
    }
    return true;
}

static enum smtp_server_event
ask(struct smtp_server *s, enum smtp_server_event event)
{
    s->asked = event;
    return event;
}

static enum smtp_server_event
do_mail(struct smtp_server *s, struct view rest)
{
    const struct smtp_server_conf *conf = s->conf;
    struct outcome o;

    if (s->helo.len == 0 && !conf->local) {
        refuse(s, 503, "5.5.1", "EHLO first");
    } else if (s->state == SMTP_SERVER_SENDER) {
        refuse(s, 503, "5.5.1", "a transaction is open");
    } else {
        /* The parameters are looked at until the transaction ends. */
        buf_clear(&s->mail_line);
        buf_addview(&s->mail_line, rest);
        rest = buf_view(&s->mail_line);
        if (!take_path(s, "FROM:", &rest, &s->sender))
            return SMTP_SERVER_MORE;
        if (smtp_params_read(&s->mail_params, rest, SMTP_PARAMS_MAIL,
                             conf->offers, &o) != DONE)
            refuse_outcome(s, &o);
        else if (conf->size_max && s->mail_params.size > conf->size_max)
            refuse(s, 552, "5.3.4", "message too large");
        else if (!utf8_ascii(buf_view(&s->sender)) &&
                 !s->mail_params.smtputf8)
            refuse(s, 553, "5.6.7", "not ASCII, and no SMTPUTF8");
        else
            return ask(s, SMTP_SERVER_MAIL);
    }
    return SMTP_SERVER_MORE;
}

static enum smtp_server_event
do_rcpt(struct smtp_server *s, struct view rest)
{
    struct outcome o;

    if (s->state != SMTP_SERVER_SENDER)
        refuse(s, 503, "5.5.1", "MAIL first");
    else if (!take_path(s, "TO:", &rest, &s->rcpt))
        ;
    else if (s->rcpt.len == 0)
        refuse(s, 501, "5.1.3", "no recipient");
    else if (smtp_params_read(&s->params, rest, SMTP_PARAMS_RCPT,
                              s->conf->offers, &o) != DONE)
        refuse_outcome(s, &o);
    else if (!utf8_ascii(buf_view(&s->rcpt)) && !s->mail_params.smtputf8)
        refuse(s, 553, "5.6.7", "not ASCII, and no SMTPUTF8");
    else if (s->rcpt_count >= s->conf->rcpt_max)
        refuse(s, 452, "4.5.3", "too many recipients");
    else
        return ask(s, SMTP_SERVER_RCPT);
    return SMTP_SERVER_MORE;
}

static enum smtp_server_event
do_data(struct smtp_server *s, struct view rest)
{
    if (rest.len)
        refuse(s, 501, "5.5.4", "DATA has no parameters");
    else if (s->state != SMTP_SERVER_SENDER)
        refuse(s, 503, "5.5.1", "MAIL first");
    else if (s->rcpt_count == 0)
        refuse(s, 554, "5.5.1", "no valid recipients");
    else
        return ask(s, SMTP_SERVER_DATA);
    return SMTP_SERVER_MORE;
}

static enum smtp_server_event
do_reset(struct smtp_server *s)
{
    bool was = reset(s);

    reply(s, 250, "2.0.0", "reset");
    return was ? SMTP_SERVER_VOID : SMTP_SERVER_MORE;
}

enum command { HELO, EHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT, VRFY, EXPN,
               HELP, UNKNOWN };

static enum command
command_of(struct view word)
{
    static const char *const words[] = {
        [HELO] = "HELO", [EHLO] = "EHLO", [MAIL] = "MAIL", [RCPT] = "RCPT",
        [DATA] = "DATA", [RSET] = "RSET", [NOOP] = "NOOP", [QUIT] = "QUIT",
        [VRFY] = "VRFY", [EXPN] = "EXPN", [HELP] = "HELP",
    };
    int i = 0;

    while (i < UNKNOWN && !view_equalcase(word, view_of(words[i])))
        i++;
    return (enum command)i;
}

static enum smtp_server_event
do_command(struct smtp_server *s, struct view line)
{
    struct view word = view_make(line.data, view_find(line, ' '));
    struct view rest = view_trim(view_from(line, word.len));

    switch (command_of(word)) {
    case HELO:
        return do_hello(s, rest, false);
    case EHLO:
        return do_hello(s, rest, true);
    case MAIL:
        return do_mail(s, rest);
    case RCPT:
        return do_rcpt(s, rest);
    case DATA:
        return do_data(s, rest);
    case RSET:
        return do_reset(s);
    case NOOP:
        reply(s, 250, "2.0.0", "yes");
        return SMTP_SERVER_MORE;
    case QUIT:
        reply(s, 221, "2.0.0", "bye");
        s->state = SMTP_SERVER_CLOSED;
        return SMTP_SERVER_MORE;
    case VRFY:
        reply(s, 252, "2.1.5", "send some mail, I'll try");
        return SMTP_SERVER_MORE;
    case EXPN:
        refuse(s, 502, "5.5.1", "not here");
        return SMTP_SERVER_MORE;
    case HELP:
        reply(s, 214, "2.0.0", "RFC 5321");
        return SMTP_SERVER_MORE;
    default:
        refuse(s, 500, "5.5.1", "unknown command");
        return SMTP_SERVER_MORE;
    }
}

/* A line with its end in s->line. */
static enum smtp_server_event
do_line(struct smtp_server *s)
{
    struct view line = buf_view(&s->line);
    bool crlf = line.len > 1 && line.data[line.len - 2] == '\r';

    line.len -= crlf ? 2 : 1;
    if (s->line_too_long)
        refuse(s, 500, "5.5.6", "line too long");
    else if (!crlf && !s->conf->local)
        refuse(s, 500, "5.5.2", "lines end in CRLF");
    else if (addr_unclean(line))
        refuse(s, 500, "5.5.2", "a control character, or not UTF-8");
    else
        return do_command(s, line);
    return SMTP_SERVER_MORE;
}

/* Takes up to the next line's end off *in; whether it came. */
static bool
take_line(struct smtp_server *s, struct view *in)
{
    size_t lf = view_find(*in, '\n');
    size_t len = lf < in->len ? lf + 1 : lf;

    if (s->line.len + len > SMTP_LINE_MAX) {
        s->line_too_long = true;
        buf_clear(&s->line);
        if (lf < in->len)
            buf_addbyte(&s->line, '\n');
    } else {
        buf_add(&s->line, in->data, len);
    }
    *in = view_from(*in, len);
    return s->line.len && s->line.data[s->line.len - 1] == '\n';
}

static enum smtp_server_event
next_line(struct smtp_server *s, struct view *in)
{
    /* The last line stayed while its event was looked at. */
    if (s->line.len && s->line.data[s->line.len - 1] == '\n') {
        buf_clear(&s->line);
        s->line_too_long = false;
    }
    return take_line(s, in) ? do_line(s) : SMTP_SERVER_MORE;
}

static enum smtp_server_event
next_content(struct smtp_server *s, struct view *in)
{
    bool end;

    buf_clear(&s->content);
    end = smtp_content_take(s, in);
    /* What came before the end goes out before it. */
    if (s->content.len && s->spoiled.verdict == DONE) {
        if (end)
            s->place = SMTP_CONTENT_ENDED;
        return SMTP_SERVER_CONTENT;
    }
    if (!end)
        return SMTP_SERVER_MORE;
    if (s->spoiled.verdict == DONE)
        return ask(s, SMTP_SERVER_END);
    refuse_outcome(s, &s->spoiled);
    reset(s);
    return SMTP_SERVER_VOID;
}

enum smtp_server_event
smtp_server_next(struct smtp_server *s, struct view *in)
{
    enum smtp_server_event event = SMTP_SERVER_MORE;

    assert(s->asked == SMTP_SERVER_MORE);
    if (s->state == SMTP_SERVER_FRESH) {
        buf_print(&s->out, "220 %s ESMTP\r\n", s->conf->name);
        s->state = SMTP_SERVER_IDLE;
    }
    while (event == SMTP_SERVER_MORE && s->state != SMTP_SERVER_CLOSED &&
           (in->len || s->place == SMTP_CONTENT_ENDED))
        event = s->state == SMTP_SERVER_INSIDE ? next_content(s, in)
                                               : next_line(s, in);
    return event == SMTP_SERVER_MORE && s->state == SMTP_SERVER_CLOSED
               ? SMTP_SERVER_CLOSE : event;
}

void
smtp_server_answer(struct smtp_server *s, const struct outcome *o)
{
    enum smtp_server_event asked = s->asked;

    s->asked = SMTP_SERVER_MORE;
    if (asked == SMTP_SERVER_END)
        reset(s);
    if (o->verdict != DONE) {
        refuse_outcome(s, o);
    } else if (asked == SMTP_SERVER_MAIL) {
        s->state = SMTP_SERVER_SENDER;
        reply(s, 250, "2.1.0", "sender ok");
    } else if (asked == SMTP_SERVER_RCPT) {
        s->rcpt_count++;
        reply(s, 250, "2.1.5", "recipient ok");
    } else if (asked == SMTP_SERVER_DATA) {
        s->state = SMTP_SERVER_INSIDE;
        smtp_content_begin(s);
        reply(s, 354, NULL, "go on, end with a dot on a line of its own");
    } else {
        reply(s, 250, "2.0.0", o->text);
    }
}
