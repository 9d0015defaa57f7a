#include "inject/smtp_server.h"

#include <stdlib.h>

#include "base/envelope.h"
#include "tests/tap.h"

static const struct smtp_server_conf strict = {
    .name = "mx.test",
    .offers = SMTP_PIPELINING | SMTP_SIZE | SMTP_8BITMIME | SMTP_SMTPUTF8 |
              SMTP_DSN | SMTP_ENHANCED,
    .size_max = 1000,
    .rcpt_max = 3,
    .error_max = 20,
};

static const struct smtp_server_conf local = {
    .name = "mx.test",
    .offers = SMTP_PIPELINING,
    .rcpt_max = 100,
    .local = true,
};

/* Feeds text in pieces of step bytes; all is accepted but recipients that
 * begin with "no" or "wait".  Events go into log, replies are in s->out. */
static void
drive(struct smtp_server *s, struct view text, size_t step, struct buf *log)
{
    while (text.len) {
        size_t len = text.len < step ? text.len : step;
        struct view in = view_make(text.data, len);
        enum smtp_server_event e;
        struct outcome o;

        text = view_from(text, len);
        while ((e = smtp_server_next(s, &in)) != SMTP_SERVER_MORE) {
            outcome_set(&o, DONE, "2.0.0", "queued");
            if (e == SMTP_SERVER_MAIL)
                buf_print(log, "mail %s;", s->sender.len ? s->sender.data
                                                         : "<>");
            else if (e == SMTP_SERVER_RCPT)
                buf_print(log, "rcpt %s;", s->rcpt.data);
            else if (e == SMTP_SERVER_DATA)
                buf_addstr(log, "data;");
            else if (e == SMTP_SERVER_CONTENT)
                buf_addview(log, buf_view(&s->content));
            else if (e == SMTP_SERVER_END)
                buf_addstr(log, ";end;");
            else if (e == SMTP_SERVER_VOID)
                buf_addstr(log, ";void;");
            if (e == SMTP_SERVER_CLOSE) {
                buf_addstr(log, "close;");
                return;
            }
            if (e == SMTP_SERVER_RCPT && strncmp(s->rcpt.data, "no", 2) == 0)
                outcome_set(&o, NEVER, "5.1.1", "no such user");
            if (e == SMTP_SERVER_RCPT && strncmp(s->rcpt.data, "wait", 4) == 0)
                outcome_set(&o, LATER, "4.2.1", "not now");
            if (e != SMTP_SERVER_CONTENT && e != SMTP_SERVER_VOID)
                smtp_server_answer(s, &o);
        }
    }
}

/* The codes of all replies, in order; only the last line of each counts. */
static void
codes(const struct smtp_server *s, struct buf *out)
{
    struct view rest = buf_view(&s->out), line;

    while (view_line(&rest, &line))
        if (line.len > 3 && line.data[3] == ' ')
            buf_print(out, "%.3s ", line.data);
    buf_addstr(out, "");
}

#define EHLO "EHLO x\r\n"
#define BEGIN EHLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n"
#define OPEN "220 250 250 250 "

static void
dialogues(void)
{
    static const struct {
        const char *in, *codes, *log, *name;
    } rows[] = {
        {BEGIN "DATA\r\nhi\r\n.\r\nQUIT\r\n", OPEN "354 250 221 ",
         "mail a@x.test;rcpt b@y.test;data;hi\n;end;close;",
         "RFC 5321 D.1: a message goes through"},
        {"HELO x\r\nmail from:<>\r\nrcpt to:<b@y.test>\r\ndata\r\n.\r\n",
         "220 250 250 250 354 250 ", "mail <>;rcpt b@y.test;data;;end;",
         "commands in small letters, the null sender, no content"},
        {BEGIN "DATA\r\n..\r\n.a\r\n...\r\n.\r\n", OPEN "354 250 ",
         "mail a@x.test;rcpt b@y.test;data;.\na\n..\n;end;",
         "RFC 5321 4.5.2: dots are undone"},
        {"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n",
         "220 503 503 503 ", "", "nothing goes before EHLO"},
        {EHLO "RCPT TO:<b@y.test>\r\nDATA\r\n", "220 250 503 503 ", "",
         "nor before MAIL"},
        {EHLO "MAIL FROM:<a@x.test>\r\nDATA\r\n", "220 250 250 554 ",
         "mail a@x.test;", "nor DATA without a recipient"},
        {BEGIN "MAIL FROM:<c@x.test>\r\n", OPEN "503 ",
         "mail a@x.test;rcpt b@y.test;", "nor a MAIL within another"},
        {EHLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<no@y.test>\r\n"
              "RCPT TO:<wait@y.test>\r\nDATA\r\n",
         "220 250 250 550 451 554 ",
         "mail a@x.test;rcpt no@y.test;rcpt wait@y.test;",
         "refused recipients are none"},
        {BEGIN "RSET\r\nDATA\r\n", OPEN "250 503 ",
         "mail a@x.test;rcpt b@y.test;;void;", "RSET voids"},
        {BEGIN "EHLO y\r\nDATA\r\n", OPEN "250 503 ",
         "mail a@x.test;rcpt b@y.test;;void;", "so does EHLO"},
        {BEGIN "RCPT TO:<c@y.test>\r\nRCPT TO:<d@y.test>\r\n"
               "RCPT TO:<e@y.test>\r\n", OPEN "250 250 452 ",
         "mail a@x.test;rcpt b@y.test;rcpt c@y.test;rcpt d@y.test;",
         "RFC 5321 4.5.3.1.10: more recipients than may be"},
        {"NOOP\r\nVRFY x\r\nEXPN x\r\nHELP\r\nFOO\r\n\r\n",
         "220 250 252 502 214 500 500 ", "", "the small commands"},
        {"EHLO\r\nHELO \r\n", "220 501 501 ", "", "a greeting has a name"},
        {EHLO "MAIL FROM:a@x.test\r\nMAIL TO:<a@x.test>\r\nMAIL\r\n"
              "MAIL FROM:<a@x.test\r\nMAIL FROM:<a@-x>\r\n"
              "MAIL FROM:<a>\r\n", "220 250 501 501 501 501 501 553 ", "",
         "senders that are none"},
        {EHLO "MAIL FROM:<a@x.test>\r\nRCPT TO:<>\r\nRCPT TO:<b>\r\n"
              "RCPT TO:<Postmaster>\r\n", "220 250 250 501 553 250 ",
         "mail a@x.test;rcpt Postmaster;",
         "RFC 5321 4.5.1: postmaster needs no domain"},
        {EHLO "MAIL FROM: <a@x.test> SIZE=1000 BODY=8BITMIME RET=FULL "
              "ENVID=a+2B SMTPUTF8\r\nRCPT TO: <b@y.test> NOTIFY=DELAY,"
              "FAILURE ORCPT=rfc822;x\r\n", "220 250 250 250 ",
         "mail a@x.test;rcpt b@y.test;", "parameters that are offered"},
        {EHLO "MAIL FROM:<a@x.test> FOO=1\r\nMAIL FROM:<a@x.test> SIZE=x\r\n"
              "MAIL FROM:<a@x.test> RET=\r\nMAIL FROM:<a@x.test> ENVID==\r\n"
              "MAIL FROM:<a@x.test> NOTIFY=NEVER\r\nMAIL FROM:<a@x.test>x\r\n",
         "220 250 555 555 555 555 555 555 ", "", "and those that are not"},
        {EHLO "MAIL FROM:<a@x.test> SIZE=1001\r\n", "220 250 552 ", "",
         "RFC 1870 6.1: a size above the limit"},
        {EHLO "MAIL FROM:<\xc3\xb6@x.test>\r\n"
              "MAIL FROM:<\xc3\xb6@x.test> SMTPUTF8\r\n"
              "RCPT TO:<\xc3\xb6@y.test>\r\n", "220 250 553 250 250 ",
         "mail \xc3\xb6@x.test;rcpt \xc3\xb6@y.test;",
         "RFC 6531 3.5: UTF-8 asks for SMTPUTF8"},
        {EHLO "MAIL FROM:<a@x.test>\n" "NOOP\r\n", "220 250 500 250 ", "",
         "RFC 5321 2.3.8: LF alone ends no command"},
        {EHLO "NO\rOP\r\nNOOP\x01\r\nNOOP \xff\r\n", "220 250 500 500 500 ",
         "", "nor has one other control characters"},
        {BEGIN "DATA\r\na\nb\r\n.\r\nNOOP\r\n", OPEN "354 550 250 ",
         "mail a@x.test;rcpt b@y.test;data;;void;",
         "a bare LF spoils a message"},
        {BEGIN "DATA\r\na\rb\r\n.\r\nNOOP\r\n", OPEN "354 550 250 ",
         "mail a@x.test;rcpt b@y.test;data;;void;", "and so does a bare CR"},
        {BEGIN "DATA\r\na\n.\nNOOP\n.\r\nNOOP\r\n.\r\n", OPEN "354 550 ",
         "mail a@x.test;rcpt b@y.test;data;;void;",
         "a dot between LFs ends nothing: no command is smuggled"},
        {BEGIN "DATA\r\na\r\n.\nNOOP\r\n.\r\r\n\r.\r\n.\r\n", OPEN "354 550 ",
         "mail a@x.test;rcpt b@y.test;data;a\n;void;",
         "nor one between mixed line breaks"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf log = {0}, got = {0};
        struct smtp_server s;

        smtp_server_init(&s, &strict);
        drive(&s, view_of(rows[i].in), 1000000, &log);
        buf_addstr(&log, "");
        codes(&s, &got);
        same(got.data, rows[i].codes, rows[i].name);
        /* Content that came before it was spoiled depends on the pieces. */
        if (!strstr(log.data, "data;") || !strstr(rows[i].log, "void"))
            same(log.data, rows[i].log, "with these events");
        for (size_t step = 1; step < 4; step++) {
            struct smtp_server again;
            struct buf there = {0}, ignored = {0};

            smtp_server_init(&again, &strict);
            drive(&again, view_of(rows[i].in), step, &ignored);
            codes(&again, &there);
            ok(strcmp(there.data, got.data) == 0,
               "and the same in pieces of %zu", step);
            smtp_server_free(&again);
            buf_free(&there);
            buf_free(&ignored);
        }
        smtp_server_free(&s);
        buf_free(&log);
        buf_free(&got);
    }
}

static void
run(const struct smtp_server_conf *conf, const char *in, const char *want,
    const char *name)
{
    struct buf log = {0}, got = {0};
    struct smtp_server s;

    smtp_server_init(&s, conf);
    drive(&s, view_of(in), 1000, &log);
    codes(&s, &got);
    same(got.data, want, name);
    smtp_server_free(&s);
    buf_free(&log);
    buf_free(&got);
}

static void
limits(void)
{
    struct buf b = {0};

    buf_addstr(&b, BEGIN "DATA\r\n");
    for (int i = 0; i < 300; i++)
        buf_addstr(&b, "line\r\n");
    buf_addstr(&b, ".\r\nNOOP\r\n");
    run(&strict, b.data, OPEN "354 552 250 ",
        "a message above the limit is read to its end and refused");
    buf_clear(&b);
    buf_addstr(&b, "NOOP ");
    for (int i = 0; i < 5000; i++)
        buf_addbyte(&b, 'x');
    buf_addstr(&b, "\r\nNOOP\r\n");
    run(&strict, b.data, "220 500 250 ", "a long line is refused as one");
    buf_clear(&b);
    for (int i = 0; i < 30; i++)
        buf_addstr(&b, "FOO\r\n");
    run(&strict, b.data, "220 500 500 500 500 500 500 500 500 500 500 500 500 "
        "500 500 500 500 500 500 500 421 ", "after 20 errors it is enough");
    buf_free(&b);
    run(&local, "MAIL FROM:<a>\nRCPT TO:<b>\nDATA\nhi\n.\nQUIT\n",
        "220 250 250 354 250 221 ",
        "a caller on this host may leave out CR, HELO and domains");
}

static void
words(void)
{
    struct buf log = {0};
    struct smtp_server s;

    smtp_server_init(&s, &strict);
    drive(&s, view_of(EHLO "MAIL FROM:<a@x.test> ENVID=e RET=HDRS BODY=7BIT\r\n"
                      "RCPT TO:<b@y.test> NOTIFY=SUCCESS ORCPT=rfc822;b\r\n"),
          1000, &log);
    ok(view_is(s.mail_params.envid, "e") && s.mail_params.ret == RET_HDRS &&
           s.mail_params.body == BODY_7BIT,
       "what MAIL asked for stays while the transaction is open");
    ok(s.params.notify == NOTIFY_SUCCESS && view_is(s.params.orcpt,
                                                    "rfc822;b"),
       "what RCPT asked for while it is answered");
    ok(strstr(s.out.data, "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
              "250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 1000\r\n"),
       "EHLO lists what is offered");
    ok(strstr(s.out.data, "250 2.1.0 "), "replies have enhanced codes");
    smtp_server_free(&s);
    buf_free(&log);
}

/* Noise: no crash, no reply that is not one line of three digits and text. */
static void
noise(void)
{
    static const char *const parts[] = {
        "EHLO x", "MAIL FROM:<a@x.test>", "RCPT TO:<b@y.test>", "DATA", ".",
        "RSET", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "..", " ", "\xff",
        "x", " SIZE=9", "<", ">", "HELO y",
    };
    bool good = true;

    srand(3);
    for (int i = 0; i < 3000; i++) {
        struct buf in = {0}, log = {0};
        struct smtp_server s;
        struct view rest, line;

        for (int k = rand() % 60; k > 0; k--)
            buf_addstr(&in, parts[rand() % 20]);
        smtp_server_init(&s, &strict);
        drive(&s, buf_view(&in), (size_t)(rand() % 9 + 1), &log);
        rest = buf_view(&s.out);
        while (view_line(&rest, &line))
            good = good && line.len > 5 && line.data[line.len - 1] == '\r' &&
                   line.data[0] >= '2' && line.data[0] <= '5' &&
                   (line.data[3] == ' ' || line.data[3] == '-');
        smtp_server_free(&s);
        buf_free(&in);
        buf_free(&log);
    }
    ok(good, "noise gets replies by the grammar");
}

int
main(void)
{
    dialogues();
    limits();
    words();
    noise();
    return tap_end();
}
