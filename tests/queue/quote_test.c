#include "queue/quote.h"

#include "tests/tap.h"

static void
row(void (*quote)(struct buf *, struct view, size_t), const char *in,
    const char *want, const char *name)
{
    struct buf b = {0};

    buf_addstr(&b, "");
    quote(&b, view_of(in), 20);
    same(b.data, want, name);
    buf_free(&b);
}

static void
words(void)
{
    row(quote_ascii, "250 fine", "250 fine", "plain words stay");
    row(quote_ascii, "a\r\nBcc: b\tc\x7f", "a??Bcc: b?c?",
        "a line break adds no field");
    row(quote_ascii, "12345678901234567890", "12345678901234567890",
        "the limit is kept");
    row(quote_ascii, "123456789012345678901", "12345678901234567...",
        "what is cut ends in dots");
    row(quote_ascii, "b\xc3\xbc" "cher", "b??cher",
        "other than ASCII is shown as such");
    row(quote_utf8, "b\xc3\xbc" "cher\n\xff", "b\xc3\xbc" "cher??",
        "characters of UTF-8 stay where they may, others do not");
    row(quote_utf8, "a\xe2\x80\xae" "b\xc2\x85" "c", "a?b?c",
        "what turns the direction of writing or ends a line does not stay");
    row(quote_utf8, "1234567890123456\xc3\xbc\xc3\xbc\xc3\xbc",
        "1234567890123456...", "characters are cut whole");
}

static void
xtext(void)
{
    row(quote_xtext, "rfc822;a+2Bb@c", "rfc822;a+b@c",
        "xtext is decoded (RFC 3461 4)");
    row(quote_xtext, "a+0D+0ABcc:+20b", "a??Bcc: b",
        "and what was hidden in it is harmless");
    row(quote_xtext, "a+2b+2+", "a+2b+2+", "what is no xtext stays");
}

static void
addresses(void)
{
    row(quote_address, "ann@example.org", "rfc822; ann@example.org",
        "an address of ASCII (RFC 3464 2.1.2)");
    row(quote_address, "\xc3\xbc+=c@e", "utf-8; \\x{FC}\\x{2B}\\x{3D}c@e",
        "another in the form for 7 bits (RFC 6533 3)");
    row(quote_address, "\xf0\x9f\x90\xa6@e.x", "utf-8; \\x{1F426}@e.x",
        "beyond the basic plane too");
    row(quote_address, "a\xff@e", "rfc822; a?@e", "one that is not UTF-8");
    row(quote_address, "1234567890123456789012", "rfc822; 12345678901234567...",
        "a long one is cut");
}

static void
printable(void)
{
    static const struct {
        const char *in, *want, *name;
    } rows[] = {
        {"plain\nlines\n", "plain\nlines\n", "plain lines stay"},
        {"a\r\nb\r\n", "a\nb\n", "CRLF becomes LF"},
        {"a\rb", "a=0Db", "a CR that ends no line is shown"},
        {"1=2\n", "1=3D2\n", "the equals sign"},
        {"blank \ntab\t\r\nend ", "blank=20\ntab=09\nend=20",
         "blanks at the end of a line"},
        {"\xc3\xbc\x01\n", "=C3=BC=01\n", "bytes that are not ASCII"},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
         "gggggggggghhhhhh\n",
         "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
         "gggggggggghhhhhh\n", "a line of 76 stays whole"},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
         "gggggggggghhhhhhh\n",
         "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
         "gggggggggghhhhh=\nhh\n", "a longer one is broken softly"},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
         "gggggggggghhhh\xc3\xbc\n",
         "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
         "gggggggggghhhh=\n=C3=BC\n", "never within an escape"},
    };
    struct buf b = {0};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_clear(&b);
        quote_printable(&b, view_of(rows[i].in));
        same(b.data, rows[i].want, rows[i].name);
    }
    buf_free(&b);
}

static void
wrapping(void)
{
    struct buf b = {0};

    quote_wrap(&b, "  ", view_of(" the  quick brown fox jumps "), 12);
    same(b.data, "  the quick\n  brown fox\n  jumps\n",
         "words are wrapped, their blanks made one");
    buf_clear(&b);
    quote_wrap(&b, "", view_of("a loooooooooong word"), 8);
    same(b.data, "a\nloooooooooong\nword\n", "a long word has its own line");
    buf_clear(&b);
    quote_wrap(&b, "  ", view_of("  "), 8);
    ok(b.len == 0, "no words make no line");
    buf_free(&b);
}

int
main(void)
{
    words();
    xtext();
    addresses();
    printable();
    wrapping();
    return tap_end();
}
