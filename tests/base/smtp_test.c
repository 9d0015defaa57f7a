#include "base/smtp.h"

#include <errno.h>
#include <string.h>

#include "tests/tap.h"

/* The result of taking all of text in one piece. */
static int
take(struct smtp_reply *r, const char *text)
{
    struct view in = view_of(text);

    smtp_reply_free(r);
    return smtp_reply_take(r, &in);
}

static void
test_grammar(void)
{
    static const struct {
        const char *text;
        int result;
        const char *name;
    } table[] = {
        {"250 ok\r\n", 1, "a line with a blank is a reply"},
        {"250\r\n", 1, "a code alone is a reply (RFC 5321 4.2)"},
        {"250-a\r\n250 b\r\n", 1, "lines with hyphens go before the last"},
        {"250-a\r\n250\r\n", 1, "a code alone may be the last line"},
        {"250-a\r\n", 0, "a hyphen says that more follows"},
        {"250 ok", 0, "without CRLF a line has not ended"},
        {"250 ok\r", 0, "a CR alone ends no line"},
        {"250 ok\n", -EBADMSG, "an LF alone is no line end"},
        {"250-a\r\n251 b\r\n", -EBADMSG, "codes must not differ"},
        {"250_ok\r\n", -EBADMSG, "a code ends with blank or hyphen"},
        {"150 ok\r\n", -EBADMSG, "1yz is no code of SMTP"},
        {"650 ok\r\n", -EBADMSG, "6yz is no code of SMTP"},
        {"25\r\n", -EBADMSG, "a code has three digits"},
        {"2500 ok\r\n", -EBADMSG, "a code has no four digits"},
        {"\r\n", -EBADMSG, "an empty line is no reply"},
        {"hello\r\n", -EBADMSG, "words are no reply"},
        {" 250 ok\r\n", -EBADMSG, "a blank before the code is no reply"},
    };
    struct smtp_reply r = {0};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ok(take(&r, table[i].text) == table[i].result, "%s", table[i].name);
    smtp_reply_free(&r);
}

static void
test_pieces(void)
{
    static const char text[] = "250-one\r\n250 two\r\n";
    struct smtp_reply r = {0};
    struct view in;
    int last = 0;
    bool early = false;

    for (size_t i = 0; i < sizeof text - 1; i++) {
        in = view_make(text + i, 1);
        last = smtp_reply_take(&r, &in);
        early = early || (last && i + 2 < sizeof text);
    }
    ok(last == 1 && !early && r.code == 250, "a reply may come byte by byte");
    same(r.text.data, "one\ntwo\n", "the text is kept line by line");
    smtp_reply_clear(&r);
    in = view_of("250 a\r\n354 b\r\n");
    ok(smtp_reply_take(&r, &in) == 1 && r.code == 250 &&
           view_is(in, "354 b\r\n"),
       "what follows a reply is left");
    smtp_reply_free(&r);
}

static void
test_limits(void)
{
    struct smtp_reply r = {0};
    struct buf b = {0};

    buf_addstr(&b, "250 ");
    while (b.len < SMTP_LINE_MAX - 2)
        buf_addbyte(&b, 'x');
    buf_addstr(&b, "\r\n");
    ok(take(&r, b.data) == 1, "a line of %d bytes is read", SMTP_LINE_MAX);
    buf_clear(&b);
    buf_addstr(&b, "250 ");
    while (b.len <= SMTP_LINE_MAX)
        buf_addbyte(&b, 'x');
    ok(take(&r, b.data) == -EMSGSIZE, "a line beyond the limit is not");
    buf_clear(&b);
    for (int i = 0; i <= SMTP_REPLY_LINES_MAX; i++)
        buf_addstr(&b, "250-x\r\n");
    ok(take(&r, b.data) == -EMSGSIZE, "nor are more lines than the limit");
    buf_clear(&b);
    for (int i = 0; i < 50; i++)
        buf_print(&b, "250-%01000d\r\n", i);
    ok(take(&r, b.data) == -EMSGSIZE, "nor a text beyond the limit");
    buf_free(&b);
    smtp_reply_free(&r);
}

static void
test_status(void)
{
    static const struct {
        const char *text;
        enum verdict verdict;
        const char *code, *name;
    } table[] = {
        {"550 5.1.1 no\r\n", NEVER, "5.1.1", "the status code is taken"},
        {"550 no\r\n", NEVER, "5.0.0", "without one it is made up"},
        {"450 5.1.1 no\r\n", LATER, "4.0.0",
         "a status of another class is not taken (RFC 2034 4)"},
        {"554 5.7.1 no\r\n", LATER, "4.7.1",
         "the first digit fits the verdict"},
        {"250 2.1.5\r\n", DONE, "2.1.5", "a status may stand alone"},
        {"550 5.1.1x no\r\n", NEVER, "5.0.0", "a word is no status"},
        {"550 5.1234.1 no\r\n", NEVER, "5.0.0",
         "a part has at most three digits"},
        {"550 5.123.123 no\r\n", NEVER, "5.123.123",
         "a part may have three digits"},
        {"550-5.1.1 a\r\n550 5.2.2 b\r\n", NEVER, "5.1.1",
         "the first line's counts"},
    };
    struct smtp_reply r = {0};
    char code[12];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        take(&r, table[i].text);
        smtp_reply_status(&r, table[i].verdict, code);
        same(code, table[i].code, table[i].name);
    }
    smtp_reply_free(&r);
}

static void
test_words(void)
{
    struct smtp_reply r = {0};
    struct buf words = {0};
    struct view argument;

    take(&r, "550-5.1.1 no\r\n550-5.1.1 such\r\n550 user\r\n");
    smtp_reply_words(&r, &words);
    same(words.data, "550 5.1.1 no 5.1.1 such user",
         "all lines become one");
    ok(smtp_extension(view_of("size 1000"), &argument) == SMTP_SIZE &&
           view_is(argument, "1000"),
       "extension words are known in any case, with their argument");
    ok(smtp_extension(view_of("SIZES"), &argument) == 0,
       "a longer word is another word");
    buf_free(&words);
    smtp_reply_free(&r);
}

int
main(void)
{
    test_grammar();
    test_pieces();
    test_limits();
    test_status();
    test_words();
    return tap_end();
}
