#include "base/utf8.h"

#include "tests/tap.h"

int
main(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *name;
    } rows[] = {
        {"a", 1, "ASCII is one byte"},
        {"\xc2\x80", 2, "the first of two"},
        {"\xe0\xa0\x80", 3, "the first of three"},
        {"\xed\x9f\xbf", 3, "the last before the surrogates"},
        {"\xf0\x90\x80\x80", 4, "the first of four"},
        {"\xf4\x8f\xbf\xbf", 4, "the last of all"},
        {"\xc0\x80", 0, "an overlong zero is none"},
        {"\xc1\xbf", 0, "nor one more"},
        {"\xe0\x9f\xbf", 0, "nor an overlong of three"},
        {"\xf0\x8f\xbf\xbf", 0, "nor of four"},
        {"\xed\xa0\x80", 0, "RFC 3629 3: nor a surrogate"},
        {"\xf4\x90\x80\x80", 0, "nor above U+10FFFF"},
        {"\xf5\x80\x80\x80", 0, "nor a byte that begins none"},
        {"\x80", 0, "nor the middle of one"},
        {"\xe2\x82", 0, "nor a part"},
        {"\xe2\x82x", 0, "nor a part and more"},
        {"", 0, "nor nothing"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(utf8_next(view_of(rows[i].bytes)) == rows[i].len, "%s",
           rows[i].name);
    ok(utf8_valid(view_of("a\xc3\xb6\xe2\x82\xac")), "text is valid");
    ok(!utf8_valid(view_of("a\xc3")), "but not when cut");
    ok(utf8_ascii(view_of("ann")) && !utf8_ascii(view_of("\xc3\xb6")),
       "ASCII is told from the rest");
    return tap_end();
}
