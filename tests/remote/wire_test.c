#include "remote/wire.h"

#include "tests/tap.h"

static const struct {
    const char *in, *out, *name;
} table[] = {
    {"", "", "an empty message is no line"},
    {"a\nb\n", "a\r\nb\r\n", "LF becomes CRLF"},
    {"a\r\nb\r\n", "a\r\nb\r\n", "CRLF stays"},
    {"a", "a\r\n", "a missing last line end is added"},
    {"a\r", "a\r\r\n", "a CR at the end is no line end"},
    {"\n\n", "\r\n\r\n", "empty lines stay"},
    {".\n", "..\r\n", "a dot at the start is doubled (RFC 5321 4.5.2)"},
    {".", "..\r\n", "even without a line end"},
    {"..a\n.\n", "...a\r\n..\r\n", "each line's first dot is doubled"},
    {"a.\n", "a.\r\n", "a dot elsewhere is not"},
    {".\r\n", "..\r\n", "a dot before CRLF is doubled"},
    {"\r.\n", "\r.\r\n", "a CR begins a line like any byte"},
    {"a\r\r\nb\n", "a\r\r\nb\r\n", "only the CR before LF belongs to it"},
    {"a\rb\n", "a\rb\r\n", "a CR within a line passes"},
    {"\xe4\xff\n", "\xe4\xff\r\n", "8-bit bytes pass"},
};

int
main(void)
{
    struct buf out = {0};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct view in = view_of(table[i].in);
        bool good = true;

        /* Cut into pieces at each place, and into single bytes. */
        for (size_t cut = 0; cut <= in.len; cut++) {
            struct wire w = {0};

            buf_clear(&out);
            wire_add(&w, view_make(in.data, cut), &out);
            wire_add(&w, view_from(in, cut), &out);
            wire_end(&w, &out);
            good = good && view_is(buf_view(&out), table[i].out);
        }
        struct wire w = {0};

        buf_clear(&out);
        for (size_t j = 0; j < in.len; j++)
            wire_add(&w, view_make(in.data + j, 1), &out);
        wire_end(&w, &out);
        good = good && view_is(buf_view(&out), table[i].out);
        ok(good, "%s, wherever the pieces are cut", table[i].name);
    }
    buf_free(&out);
    return tap_end();
}
