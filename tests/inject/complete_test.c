#include "inject/complete.h"

#include <stdlib.h>

#include "tests/tap.h"

static const struct rewrite nothing;

static const struct complete_facts facts = {
    .rewrite = &nothing,
    .names = {"me.test", "host.test", "domain.test", "plus.test"},
    .idhost = "id.test",
    .from = {"ann@host.test", 13},
    .fullname = {"", 0},
    .now_ms = 1795382400000, /* 2026-11-22T21:20:00Z */
    .chance = 0x123456789abcdef0,
};

#define DATE "Date: Sun, 22 Nov 2026 21:20:00 +0000\n"
#define ID "Message-ID: <0SADEKC03SQQG.123456789abcdef0@id.test>\n"
#define FROM "From: ann@host.test\n"
#define HAVE "Date: x\nMessage-ID: <x@x>\nFrom: x@x.test\n"

/* The completed section; recipients, each with ';', into rcpts. */
static enum verdict
run(struct buf *out, struct buf *rcpts, struct view section, bool take,
    struct outcome *o)
{
    struct complete_facts f = facts;
    struct complete c = {0};
    struct rcpts list = {0};
    enum verdict v;

    f.take_rcpts = take;
    v = complete_header(&c, section, &f, &list, o);
    for (size_t i = 0; v == DONE && i < c.count; i++)
        buf_addview(out, complete_piece(&c, i));
    for (size_t i = 0; i < list.count; i++) {
        buf_addview(rcpts, rcpts_get(&list, i));
        buf_addbyte(rcpts, ';');
    }
    buf_addstr(out, "");
    buf_addstr(rcpts, "");
    complete_free(&c);
    rcpts_free(&list);
    return v;
}

static void
headers(void)
{
    static const struct {
        const char *in, *want, *name;
    } rows[] = {
        {"", DATE ID FROM, "RFC 5322 3.6: Date, Message-ID and From are made"},
        {HAVE, HAVE, "and stay if they are there"},
        {"DATE: x\nmessage-id: y\n", "DATE: x\nmessage-id: y\n" FROM,
         "in any case of letters"},
        {HAVE "Subject:  a\n\tb \n", HAVE "Subject:  a\n\tb \n",
         "other fields come out byte by byte"},
        {HAVE "X: \xff\r\ry\n", HAVE "X: \xff\r\ry\n",
         "with all of their bytes"},
        {"Date: x\r\nMessage-ID: y\r\n",
         "Date: x\r\nMessage-ID: y\r\nFrom: ann@host.test\r\n",
         "added lines end as those that are there"},
        {HAVE "To: bob", HAVE "To: bob@host.test",
         "a last line without its end"},
        {HAVE "Bcc: a@x\nReturn-Path: <b@x>\nContent-Length: 3\nTo: c@x.y\n",
         HAVE "To: c@x.y\n", "Bcc, Return-Path, Content-Length go"},
        {HAVE "Bcc: a@x,\n b\nTo: c@x.y\n", HAVE "To: c@x.y\n",
         "with their folded lines"},
        {HAVE "To: bob, Carl <carl@h> (c), d@h+\n",
         HAVE "To: bob@host.test, Carl <carl@h.domain.test> (c), "
              "d@h.plus.test\n",
         "addresses are completed where they stand"},
        {HAVE "Cc: bob (x), \"b c\"\n",
         HAVE "Cc: bob@host.test (x), \"b c\"@host.test\n",
         "comments and quotes stay"},
        {HAVE "To: root@localhost, a@[127.0.0.1]\n",
         HAVE "To: root@localhost, a@[127.0.0.1]\n",
         "localhost and literals are complete"},
        {HAVE "Cc: G: bob, c@x.y;, <>\n", HAVE "Cc: G: bob@host.test, c@x.y;, "
                                              "<>\n",
         "in groups as well; a null address stays"},
        {HAVE "To: bob, two words\n", HAVE "To: bob, two words\n",
         "a list that cannot be read stays as it is"},
        {HAVE "Subject: bob\nX-To: bob\n", HAVE "Subject: bob\nX-To: bob\n",
         "other fields have no addresses"},
        {"Sender: a\nReply-To: b\nErrors-To: c\nMail-Followup-To: d\n" HAVE,
         "Sender: a@host.test\nReply-To: b@host.test\nErrors-To: c@host.test\n"
         "Mail-Followup-To: d@host.test\n" HAVE,
         "each field of originators is completed"},
        {HAVE "Resent-To: b@x.y\n",
         "Resent-Date: Sun, 22 Nov 2026 21:20:00 +0000\n"
         "Resent-Message-ID: <0SADEKC03SQQG.123456789abcdef0@id.test>\n"
         "Resent-From: ann@host.test\n" HAVE "Resent-To: b@x.y\n",
         "RFC 5322 3.6.6: a Resent- block is completed before the rest"},
        {"Resent-To: b@x.y\nResent-Date: x\nResent-From: x@x.y\n"
         "Resent-Message-ID: x\n",
         "Resent-To: b@x.y\nResent-Date: x\nResent-From: x@x.y\n"
         "Resent-Message-ID: x\n", "and left alone if it is complete"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0}, rcpts = {0};
        struct outcome o;

        run(&out, &rcpts, view_of(rows[i].in), false, &o);
        same(out.data, rows[i].want, rows[i].name);
        ok(rcpts.len == 0, "and no recipient is taken unasked");
        buf_free(&out);
        buf_free(&rcpts);
    }
}

static void
recipients(void)
{
    static const struct {
        const char *in, *want, *name;
    } rows[] = {
        {"To: a@x.y\nCc: b\nBcc: c@h\nFrom: d@x.y\nReply-To: e@x.y\n",
         "a@x.y;b@host.test;c@h.domain.test;", "recipients are To, Cc, Bcc"},
        {"To: a@x.y, a@x.y\nCc: a@x.y\n", "a@x.y;", "each once"},
        {"To: a@x.y\nTo: b@x.y\n", "a@x.y;b@x.y;",
         "RFC 5322 4.5: of each field there may be several"},
        {"To: G:a@x.y,b@x.y;, <>\n", "a@x.y;b@x.y;",
         "those of groups; a null address is none"},
        {"To: root@localhost\n", "root@me.test;", "localhost is me"},
        {"To: a@x.y\nResent-To: b@x.y\nResent-Bcc: c@x.y\n", "b@x.y;c@x.y;",
         "Resent- fields count alone"},
        {"Resent-To: b@x.y\nResent-From: a\nReceived: x\nResent-To: c@x.y\n",
         "b@x.y;", "but not those of an older resending"},
        {"Resent-From: a\nResent-To: b@x.y\nResent-From: c\nResent-To: d@x.y\n",
         "b@x.y;", "which may follow at once"},
        {"Resent-From: a\nTo: b@x.y\n", "b@x.y;",
         "a Resent- block without recipients leaves To"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0}, rcpts = {0};
        struct outcome o;

        run(&out, &rcpts, view_of(rows[i].in), true, &o);
        same(rcpts.data, rows[i].want, rows[i].name);
        buf_free(&out);
        buf_free(&rcpts);
    }
}

static void
refusals(void)
{
    static const struct {
        const char *in, *code, *name;
    } rows[] = {
        {"To: a@x.y, two words\n", "5.1.3", "a list that cannot be read"},
        {"Bcc: \"open\n", "5.1.3", "a quote without its end"},
        {"To: a@ex!ample\n", "5.1.3", "a domain that is none"},
    };
    struct buf big = {0};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0}, rcpts = {0};
        struct outcome o;

        ok(run(&out, &rcpts, view_of(rows[i].in), true, &o) == NEVER &&
               strcmp(o.code, rows[i].code) == 0,
           "recipients are not guessed: %s", rows[i].name);
        buf_free(&out);
        buf_free(&rcpts);
    }
    buf_addstr(&big, "To: ");
    for (int i = 0; i < 1000; i++)
        buf_addbyte(&big, 'x');
    {
        struct buf out = {0}, rcpts = {0};
        struct outcome o;

        ok(run(&out, &rcpts, buf_view(&big), true, &o) == NEVER,
           "an address of more than 1000 bytes is refused");
        buf_free(&out);
        buf_free(&rcpts);
    }
    buf_free(&big);
}

static void
names(void)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"Ann", "From: Ann <ann@host.test>\n"},
        {"Ann B", "From: Ann B <ann@host.test>\n"},
        {"Ann B.", "From: \"Ann B.\" <ann@host.test>\n"},
        {"a \"b\" \\", "From: \"a \\\"b\\\" \\\\\" <ann@host.test>\n"},
        {"J\xc3\xb6rg B", "From: =?utf-8?q?J=C3=B6rg_B?= <ann@host.test>\n"},
        {"=?utf-8?q?x?=", "From: \"=?utf-8?q?x?=\" <ann@host.test>\n"},
        {"J\xf6rg", "From: ann@host.test\n"},
        {"a\nBcc: b", "From: ann@host.test\n"},
        {"  ", "From: ann@host.test\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct complete_facts f = facts;
        struct complete c = {0};
        struct rcpts list = {0};
        struct outcome o;
        struct buf out = {0};

        f.fullname = view_of(rows[i].name);
        complete_header(&c, view_of("Date: x\nMessage-ID: x\n"), &f, &list,
                        &o);
        for (size_t k = 0; k < c.count; k++)
            buf_addview(&out, complete_piece(&c, k));
        same(out.data + strlen("Date: x\nMessage-ID: x\n"), rows[i].want,
             "a full name stands bare, in quotes, encoded, or not at all");
        complete_free(&c);
        buf_free(&out);
    }
    ok(complete_needs_from(view_of("Subject: x\n")) &&
           !complete_needs_from(view_of("From: x\n")) &&
           complete_needs_from(view_of("From: x\nResent-To: y\n")),
       "who asks is told whether a From will be made");
}

/* Whatever comes in, nothing but the named changes is made: without the
 * fields that go and come, and with complete addresses, all is as it was. */
static void
noise(void)
{
    static const char some[] = "To:aA@.,;<>\"\\() \r\n\t\xc3\xff:Bc:\n";
    bool good = true;

    srand(2);
    for (int i = 0; i < 50000; i++) {
        struct buf in = {0}, out = {0}, rcpts = {0};
        struct outcome o;
        int len = rand() % 60;

        buf_addstr(&in, "Date: x\nFrom: x@x.y\nMessage-ID: x\nTo:");
        for (int k = 0; k < len; k++)
            buf_addbyte(&in, some[rand() % (int)(sizeof some - 1)]);
        run(&out, &rcpts, buf_view(&in), rand() % 2, &o);
        for (size_t k = 0; k < rcpts.len; k++)
            good = good && (unsigned char)rcpts.data[k] >= ' ';
        buf_free(&in);
        buf_free(&out);
        buf_free(&rcpts);
    }
    ok(good, "noise leaves no control character in a recipient");
}

int
main(void)
{
    headers();
    recipients();
    refusals();
    names();
    noise();
    return tap_end();
}
