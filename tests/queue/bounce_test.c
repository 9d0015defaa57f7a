#include "queue/bounce.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/envelope.h"
#include "base/id.h"
#include "base/job.h"
#include "tests/tap.h"

/* 2026-11-22T21:20:00Z */
enum { MOMENT = 1795382400, HOUR = 3600 };

#define BOUNDARY "fd08a4c717e290b0f9fe4c47c78c36e5"

static struct bounce_rcpt rcpt;

/* A bounce to begin with: one recipient, the header alone. */
static struct bounce
simple(void)
{
    struct bounce bounce = {
        .kind = BOUNCE_FAILURE,
        .id = id_make((uint64_t)(MOMENT + HOUR) * 1000, 7),
        .original = id_make((uint64_t)MOMENT * 1000, 9),
        .arrival = MOMENT,
        .me = view_of("mail.example.org"),
        .from = view_of("MAILER-DAEMON@mail.example.org"),
        .to = view_of("bob@example.org"),
        .sender = view_of("bob@example.org"),
        .rcpts = &rcpt,
        .rcpt_count = 1,
        .header = view_of("Subject: lunch\nFrom: bob@example.org\n"),
    };

    rcpt = (struct bounce_rcpt){
        .address = view_of("ann@example.net"),
        .code = view_of("5.1.1"),
        .text = view_of("550 5.1.1 no such user here"),
        .host = view_of("mx1.example.net[192.0.2.1]"),
        .when = MOMENT + HOUR,
    };
    return bounce;
}

/* The whole message, owned by the caller. */
static struct buf
printed(const struct bounce *bounce)
{
    struct buf b = {0}, after = {0};

    bounce_print(bounce, &b, &after);
    if (bounce->whole)
        buf_addstr(&b, "(content)\n");
    buf_addview(&b, buf_view(&after));
    buf_free(&after);
    return b;
}

static void
whole_text(void)
{
    struct bounce bounce = simple();
    struct buf b = printed(&bounce);

    same(b.data,
         "Date: Sun, 22 Nov 2026 22:20:00 +0000\n"
         "From: Mail Delivery System <MAILER-DAEMON@mail.example.org>\n"
         "To: <bob@example.org>\n"
         "Subject: Your message could not be delivered\n"
         "Message-ID: <0SADWATG00007@mail.example.org>\n"
         "Auto-Submitted: auto-replied\n"
         "MIME-Version: 1.0\n"
         "Content-Type: multipart/report; report-type=delivery-status;\n"
         "\tboundary=\"" BOUNDARY "\"\n"
         "\n"
         "\n"
         "--" BOUNDARY "\n"
         "Content-Description: Notice\n"
         "Content-Type: text/plain; charset=us-ascii\n"
         "\n"
         "This is the mail system at mail.example.org.\n"
         "\n"
         "Your message, accepted here on Sun, 22 Nov 2026 "
         "21:20:00 +0000, could not\n"
         "be delivered to this recipient. No further attempt is made.\n"
         "\n"
         "<ann@example.net>\n"
         "    mx1.example.net[192.0.2.1] said: 550 5.1.1 no such user here\n"
         "    There is no such mailbox. Please check the address, "
         "above all the part\n"
         "    before the @.\n"
         "\n"
         "The header of the message follows.\n"
         "\n"
         "--" BOUNDARY "\n"
         "Content-Description: Delivery report\n"
         "Content-Type: message/delivery-status\n"
         "\n"
         "Reporting-MTA: dns; mail.example.org\n"
         "Arrival-Date: Sun, 22 Nov 2026 21:20:00 +0000\n"
         "X-Godwit-Id: 0SADEKC000009\n"
         "X-Godwit-Sender: rfc822; bob@example.org\n"
         "\n"
         "Final-Recipient: rfc822; ann@example.net\n"
         "Action: failed\n"
         "Status: 5.1.1\n"
         "Remote-MTA: dns; mx1.example.net\n"
         "Diagnostic-Code: smtp; 550 5.1.1 no such user here\n"
         "Last-Attempt-Date: Sun, 22 Nov 2026 22:20:00 +0000\n"
         "\n"
         "--" BOUNDARY "\n"
         "Content-Description: Header of the message\n"
         "Content-Type: text/rfc822-headers\n"
         "\n"
         "Subject: lunch\n"
         "From: bob@example.org\n"
         "\n"
         "--" BOUNDARY "--\n",
         "a bounce to the letter");
    buf_free(&b);
}

/* Whether text has the words once, at the beginning of a line. */
static bool
has_line(const struct buf *b, const char *words)
{
    const char *at = strstr(b->data, words);

    return at && (at == b->data || at[-1] == '\n') &&
           !strstr(at + 1, words);
}

static unsigned
count(const struct buf *b, const char *words)
{
    unsigned n = 0;

    for (const char *p = b->data; (p = strstr(p, words)); p++)
        n++;
    return n;
}

/* 7 bits, no NUL, no CR, lines short: what every server takes. */
static bool
travels(const struct buf *b)
{
    size_t column = 0;

    for (size_t i = 0; i < b->len; i++) {
        column = b->data[i] == '\n' ? 0 : column + 1;
        if (column > 998 || !(b->data[i] == '\n' || b->data[i] == '\t' ||
                              (b->data[i] >= ' ' && b->data[i] <= '~')))
            return false;
    }
    return true;
}

static void
fields(void)
{
    static const struct {
        const char *code, *text, *host;
        bool expired;
        const char *want, *name;
    } rows[] = {
        {"5.7.1", "go away", "", false, "Status: 5.7.1\n",
         "the code is the status (RFC 3464 2.3.4)"},
        {"4.4.1", "timed out", "", true, "Status: 4.4.1\n",
         "of an expired message the last one stays"},
        {"", "timed out", "", true, "Status: 4.4.7\n",
         "without a code an expired message has its own (RFC 3463 3.5)"},
        {"2.0.0", "x", "", false, "Status: 5.0.0\n",
         "a code of success is none"},
        {"5.1.1 x", "x", "", false, "Status: 5.0.0\n",
         "what is no code is not passed on"},
        {"5.1.1", "550-5.1.1 no", "", false,
         "Diagnostic-Code: smtp; 550-5.1.1 no\n",
         "the words of an SMTP server are marked so (RFC 3464 2.3.6)"},
        {"5.1.1", "no user 550", "", false,
         "Diagnostic-Code: x-godwit; no user 550\n", "other words are not"},
        {"5.1.1", "no", "[192.0.2.1]", false,
         "Remote-MTA: dns; [192.0.2.1]\n",
         "a host without a name is its address"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bounce bounce = simple();
        struct buf b;

        rcpt.code = view_of(rows[i].code);
        rcpt.text = view_of(rows[i].text);
        rcpt.host = view_of(rows[i].host);
        rcpt.expired = rows[i].expired;
        b = printed(&bounce);
        if (!ok(has_line(&b, rows[i].want), "%s", rows[i].name))
            printf("%s", b.data);
        buf_free(&b);
    }
}

static void
optional_fields(void)
{
    struct bounce bounce = simple();
    struct buf b;

    rcpt.host = view_of("/home/ann/Maildir/");
    rcpt.text = view_of("");
    rcpt.when = 0;
    b = printed(&bounce);
    ok(!count(&b, "Remote-MTA"), "a path is no remote host");
    ok(!count(&b, "Diagnostic-Code"), "no words, no diagnostic");
    ok(!count(&b, "Last-Attempt-Date"), "no attempt, no date");
    ok(!count(&b, "Original-Recipient") && !count(&b, "Original-Envelope-Id"),
       "what the sender did not give is not told back");
    buf_free(&b);

    rcpt.orcpt = view_of("rfc822;Ann+2Bx@example.org");
    bounce.envid = view_of("QQ314+2B159");
    b = printed(&bounce);
    ok(has_line(&b, "Original-Recipient: rfc822;Ann+x@example.org\n"),
       "ORCPT comes back decoded (RFC 3464 2.3.1)");
    ok(has_line(&b, "Original-Envelope-Id: QQ314+159\n"),
       "ENVID comes back decoded (RFC 3464 2.2.1)");
    buf_free(&b);
}

static void
expired(void)
{
    struct bounce bounce = simple();
    struct buf b;

    rcpt.expired = true;
    rcpt.text = view_of("451 4.2.0 try later");
    rcpt.code = view_of("4.2.0");
    b = printed(&bounce);
    ok(strstr(b.data, "    It was tried again and again without success.") &&
           strstr(b.data, "said: 451 4.2.0 try later\n") &&
           strstr(b.data, "You may send the message again"),
       "an expired message is explained as such");
    ok(has_line(&b, "Action: failed\n"), "and has failed");
    buf_free(&b);
}

static void
several(void)
{
    struct bounce bounce = simple();
    struct bounce_rcpt rcpts[2];
    struct buf b;

    rcpts[0] = rcpts[1] = rcpt;
    rcpts[1].address = view_of("carl@example.net");
    rcpts[1].code = view_of("5.2.2");
    bounce.rcpts = rcpts;
    bounce.rcpt_count = 2;
    b = printed(&bounce);
    ok(strstr(b.data, "the following recipients") &&
           has_line(&b, "<ann@example.net>\n") &&
           has_line(&b, "<carl@example.net>\n") &&
           strstr(b.data, "The mailbox is full"),
       "each recipient has words of its own");
    ok(count(&b, "\n\nFinal-Recipient: ") == 2,
       "and a group of fields of its own (RFC 3464 2.3)");
    buf_free(&b);
}

static void
double_bounce(void)
{
    struct bounce bounce = simple();
    struct buf b;

    bounce.kind = BOUNCE_DOUBLE;
    bounce.sender = view_of("");
    bounce.to = view_of("postmaster@mail.example.org");
    b = printed(&bounce);
    ok(has_line(&b, "To: <postmaster@mail.example.org>\n") &&
           has_line(&b, "Subject: A notice of failure could not be "
                        "delivered\n") &&
           strstr(b.data, "\nA message without a return address"),
       "a double bounce tells the postmaster");
    buf_free(&b);
}

static void
attached(void)
{
    struct bounce bounce = simple();
    struct buf b;

    bounce.whole = true;
    b = printed(&bounce);
    ok(strstr(b.data, "\n--" BOUNDARY "\nContent-Description: Message\n"
                      "Content-Type: message/rfc822\n\n(content)\n\n--"
                      BOUNDARY "--\n"),
       "a whole message stands between before and after");
    ok(!count(&b, "Subject: lunch") &&
           has_line(&b, "The whole of the message follows.\n"),
       "its header doesn't stand there twice");
    buf_free(&b);

    bounce.whole = false;
    bounce.header_cut = true;
    b = printed(&bounce);
    ok(has_line(&b, "The beginning of the header of the message follows.\n"),
       "a header that is not whole is called so");
    buf_free(&b);
}

static void
header_bytes(void)
{
    struct bounce bounce = simple();
    struct buf header = {0}, b;

    bounce.header = view_of("Subject: \xc3\xbc\r\nX: a\r\n");
    b = printed(&bounce);
    ok(strstr(b.data, "text/rfc822-headers\n"
                      "Content-Transfer-Encoding: quoted-printable\n\n"
                      "Subject: =C3=BC\nX: a\n\n--"),
       "a header of 8 bits is quoted (RFC 6522 4)");
    buf_free(&b);

    while (header.len < 2 * BOUNCE_HEADER_MAX)
        buf_print(&header, "X-Number: %zu\n", header.len);
    bounce.header = buf_view(&header);
    b = printed(&bounce);
    ok(b.len < BOUNCE_HEADER_MAX + 4000 && travels(&b) &&
           strstr(b.data, "The beginning of the header") &&
           strstr(b.data, "\n\n--" BOUNDARY "--\n"),
       "a long header is cut behind a whole line, and called so");
    buf_free(&b);

    buf_clear(&header);
    while (header.len < 2 * BOUNCE_HEADER_MAX)
        buf_addbyte(&header, 0);
    bounce.header = buf_view(&header);
    b = printed(&bounce);
    ok(b.len < 4 * BOUNCE_HEADER_MAX && travels(&b),
       "one line of zero bytes is cut and quoted");
    buf_free(&b);
    buf_free(&header);
}

/* Every text that comes from outside, hostile. */
static void
hostile(void)
{
    static const char evil[] =
        "a\r\n\r\n--" BOUNDARY "\r\nBcc: x@y.z\nFinal-Recipient: rfc822; "
        "x@y.z>, <x@y.z\xff\xc3\xbc\x01";
    struct bounce bounce = simple();
    struct view bad = view_make(evil, sizeof evil - 1);
    struct buf b, longer = {0};

    for (int round = 0; round < 3; round++) {
        bounce.to = bounce.sender = bounce.envid = bad;
        rcpt.address = rcpt.orcpt = rcpt.code = rcpt.text = rcpt.host = bad;
        b = printed(&bounce);
        ok(travels(&b), "hostile texts leave lines of %s",
           round == 0   ? "printable ASCII"
           : round == 1 ? "at most 998 bytes"
                        : "no odd characters");
        ok(count(&b, "\n--" BOUNDARY) == 4 && !count(&b, "\nBcc:") &&
               count(&b, "\nFinal-Recipient:") == 1 &&
               has_line(&b, "To: undisclosed-recipients:;\n"),
           "and add no part and no field");
        buf_free(&b);
        while (round == 0 && longer.len < 100000)
            buf_addview(&longer, bad);
        if (round == 1) {
            buf_clear(&longer);
            while (longer.len < 100000)
                buf_addstr(&longer, "\xf0\x9f\x90\xa6");
        }
        bad = buf_view(&longer);
    }
    buf_free(&longer);
}

static void
utf8_address(void)
{
    struct bounce bounce = simple();
    struct buf b;

    rcpt.address = view_of("b\xc3\xbc@example.net");
    b = printed(&bounce);
    ok(has_line(&b, "Final-Recipient: utf-8; b\\x{FC}@example.net\n"),
       "an address in UTF-8 is told in 7 bits (RFC 6533 3)");
    ok(strstr(b.data, "charset=utf-8\nContent-Transfer-Encoding: "
                      "quoted-printable\n") &&
           has_line(&b, "<b=C3=BC@example.net>\n"),
       "people see its letters");
    ok(travels(&b), "and the bounce stays in 7 bits");
    buf_free(&b);
}

static void
whom_to_tell(void)
{
    static const struct {
        const char *sender;
        bool told;
        enum bounce_kind kind;
        const char *to, *own, *name;
    } rows[] = {
        {"bob@example.org", true, BOUNCE_FAILURE, "bob@example.org", "",
         "the sender is told, from the null sender (RFC 5321 4.5.5)"},
        {"", true, BOUNCE_DOUBLE, "", "#@[]",
         "a bounce that fails goes to doublebounceto"},
        {"#@[]", false, BOUNCE_DOUBLE, "", "",
         "one that fails again goes to nobody"},
        {"list-@example.org-@[]", true, BOUNCE_FAILURE, "list-@example.org",
         "", "the mark of a sender made per recipient is taken off"},
        {"-@[]", true, BOUNCE_FAILURE, "-@[]", "",
         "a mark alone is left alone"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum bounce_kind kind;
        struct view to;
        bool told = bounce_address(view_of(rows[i].sender), &kind, &to);

        ok(told == rows[i].told &&
               (!told || (kind == rows[i].kind && view_is(to, rows[i].to) &&
                          view_is(bounce_sender(kind), rows[i].own))),
           "%s", rows[i].name);
    }
}

static void
own_id(void)
{
    uint64_t at = (uint64_t)MOMENT * 1000 + 123, message = 77;
    uint64_t id = bounce_id(at, message, BOUNCE_FAILURE, 3);

    ok(id == bounce_id(at, message, BOUNCE_FAILURE, 3),
       "the same failure always makes the same id");
    ok(id_ms(id) == at, "its time is the first failure's");
    ok(id != bounce_id(at, message, BOUNCE_DOUBLE, 3) &&
           id != bounce_id(at, message, BOUNCE_FAILURE, 4) &&
           id != bounce_id(at, message + 1, BOUNCE_FAILURE, 3),
       "another message, kind or recipient makes another");
}

static void
whole_or_header(void)
{
    ok(bounce_whole(50000, 50000, 0, 0), "a small message comes back whole");
    ok(!bounce_whole(50001, 50000, 0, 0), "a larger one with its header");
    ok(!bounce_whole(0, 0, RET_HDRS, 0) && bounce_whole(9, 10, RET_FULL, 0),
       "RET has a say (RFC 3461 4.3)");
    ok(!bounce_whole(9, 10, 0, JOB_8BIT_BODY) &&
           !bounce_whole(9, 10, 0, JOB_NUL) &&
           !bounce_whole(9, 10, 0, JOB_BARE_CR) &&
           !bounce_whole(9, 10, 0, JOB_LONG_LINE) &&
           bounce_whole(9, 10, 0, JOB_REPEAT),
       "content that some server would refuse does not come back");
}

int
main(void)
{
    whole_text();
    fields();
    optional_fields();
    expired();
    several();
    double_bounce();
    attached();
    header_bytes();
    hostile();
    utf8_address();
    whom_to_tell();
    own_id();
    whole_or_header();
    return tap_end();
}
