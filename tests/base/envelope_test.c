#include "base/envelope.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/tap.h"

static void
round_trip(void)
{
    struct envelope_rcpt rcpts[] = {
        {.address = view_of("bob@x.test"), .orcpt = view_of("rfc822;b"),
         .notify = NOTIFY_DELAY},
        {.address = view_of("carl@x.test")},
    };
    struct envelope e = {
        .sender = view_of("ann@x.test"), .envid = view_of("e1"),
        .hold = view_of("why"), .caller = view_of("uid=1"),
        .client = view_of("[192.0.2.1]"), .auth = view_of("ann"),
        .tls = view_of("TLSv1.3"), .answers = view_of("X:1,2"),
        .via = view_of("sendmail"), .ret = RET_HDRS, .body = BODY_8BITMIME,
        .flags = ENVELOPE_SMTPUTF8, .notbefore = 5, .expire = 6,
        .rcpt_count = 2, .rcpts = rcpts,
    }, back;
    struct buf b = {0}, again = {0};
    const char *why;
    int whole = 0;

    envelope_print(&b, &e);
    ok(envelope_parse(&back, buf_view(&b), &why) == 0, "what was printed is "
       "read");
    envelope_print(&again, &back);
    ok(view_equal(buf_view(&b), buf_view(&again)), "with all its fields");
    ok(back.rcpt_count == 2 && view_is(back.rcpts[0].orcpt, "rfc822;b") &&
           back.rcpts[0].notify == NOTIFY_DELAY && back.rcpts[1].notify == 0,
       "what was asked belongs to its recipient");
    envelope_free(&back);
    for (size_t i = 0; i < b.len; i++) {
        int r = envelope_parse(&back, view_make(b.data, i), &why);

        envelope_free(&back);
        whole += r == 0;
    }
    ok(whole == 16, "cut within a field it is none");
    buf_free(&b);
    buf_free(&again);
}

static int
parse(void (*fill)(struct buf *b))
{
    struct buf b = {0};
    struct envelope e;
    const char *why = NULL;
    int r;

    fill(&b);
    r = envelope_parse(&e, buf_view(&b), &why);
    if (r < 0 && (!why || e.rcpts))
        r = 1;
    envelope_free(&e);
    buf_free(&b);
    return r;
}

static void
no_rcpt(struct buf *b)
{
    envelope_put(b, TAG_SENDER, view_of(""));
}

static void
null_sender(struct buf *b)
{
    no_rcpt(b);
    envelope_put(b, TAG_RCPT, view_of("b@x.test"));
}

static void
rcpt_first(struct buf *b)
{
    envelope_put(b, TAG_RCPT, view_of("b@x.test"));
    no_rcpt(b);
}

static void
two_senders(struct buf *b)
{
    null_sender(b);
    no_rcpt(b);
}

static void
empty_rcpt(struct buf *b)
{
    no_rcpt(b);
    envelope_put(b, TAG_RCPT, view_of(""));
}

static void
line_break(struct buf *b)
{
    no_rcpt(b);
    envelope_put(b, TAG_RCPT, view_of("b@x.test\nRCPT"));
}

static void
zero_byte(struct buf *b)
{
    envelope_put(b, TAG_SENDER, view_make("a\0b", 3));
}

static void
long_rcpt(struct buf *b)
{
    char text[ADDRESS_MAX + 1];

    memset(text, 'x', sizeof text);
    no_rcpt(b);
    envelope_put(b, TAG_RCPT, view_make(text, sizeof text));
}

static void
notify_alone(struct buf *b)
{
    no_rcpt(b);
    envelope_put8(b, TAG_NOTIFY, 1);
}

static void
wide_notify(struct buf *b)
{
    null_sender(b);
    envelope_put32(b, TAG_NOTIFY, 1);
}

static void
unknown_tag(struct buf *b)
{
    null_sender(b);
    envelope_put8(b, (enum envelope_tag)99, 1);
}

static void
long_length(struct buf *b)
{
    null_sender(b);
    buf_add(b, "\2\xff\xff\xff\xff", 5);
}

static void
many_rcpts(struct buf *b)
{
    no_rcpt(b);
    for (int i = 0; i <= ENVELOPE_RCPT_MAX; i++)
        envelope_put(b, TAG_RCPT, view_of("b"));
}

static void
faults(void)
{
    ok(parse(null_sender) == 0, "the null sender is a sender");
    ok(parse(no_rcpt) == -EDESTADDRREQ, "an envelope has a recipient");
    ok(parse(rcpt_first) == -EBADMSG, "the sender comes first");
    ok(parse(two_senders) == -EBADMSG, "and once");
    ok(parse(empty_rcpt) == -EBADMSG, "a recipient has an address");
    ok(parse(line_break) == -EBADMSG, "without line breaks");
    ok(parse(zero_byte) == -EBADMSG, "or zero bytes");
    ok(parse(long_rcpt) == -E2BIG, "of at most 1000 bytes");
    ok(parse(notify_alone) == -EBADMSG, "NOTIFY belongs to a recipient");
    ok(parse(wide_notify) == -EBADMSG, "and is one byte");
    ok(parse(unknown_tag) == -ENOTSUP, "unknown fields are not passed over");
    ok(parse(long_length) == -EBADMSG, "a length beyond the end is no length");
    ok(parse(many_rcpts) == -E2BIG, "there are at most 100,000 recipients");
}

int
main(void)
{
    round_trip();
    faults();
    return tap_end();
}
