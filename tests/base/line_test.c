#include "base/line.h"

#include "tests/tap.h"

static void
printing(void)
{
    struct buf b = {0};

    line_print(&b, "deliver id=%s n=%d u=%u z=%zu l=%lu j=%ju c=%c", "7KQ2",
               -1, 2u, (size_t)3, 4ul, (uintmax_t)5, 'x');
    same(b.data, "deliver id=7KQ2 n=-1 u=2 z=3 l=4 j=5 c=x",
         "plain values stand as they are");
    buf_clear(&b);
    line_print(&b, "e a=%s b=%s c=%s d=%.*s", "two words", "", "a\"b\\c\n\xff",
               2, "xyz");
    same(b.data, "e a=\"two words\" b=\"\" c=\"a\\\"b\\\\c\\x0a\\xff\" d=xy",
         "others in quotes, with escapes");
    buf_free(&b);
}

static void
reading(void)
{
    static const struct {
        const char *line, *key, *want;
    } rows[] = {
        {"e a=1 b=2", "b", "2"},
        {"e a=1 b=2", "a", "1"},
        {"e a=\"b=3\" b=2", "b", "2"},
        {"e a=\"x\\\" b=9\" b=2", "b", "2"},
        {"e ab=1 b=2", "b", "2"},
        {"e a=", "a", ""},
        {"e a=\"\\x0a\\\\\"", "a", "\n\\"},
        {"e a=1", "b", NULL},
        {"e a=\"1 b=2", "b", NULL},
        {"e a=\"\\xzz\" b=2", "a", NULL},
        {"e a=\"\\", "a", NULL},
        {"a", "a", NULL},
        {"", "a", NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf value = {0};
        bool found = line_get(view_of(rows[i].line), rows[i].key, &value);

        buf_addstr(&value, "");
        ok(found == (rows[i].want != NULL) &&
               strcmp(value.data, found ? rows[i].want : "") == 0,
           "%s in '%s' is %s", rows[i].key, rows[i].line,
           rows[i].want ? "found" : "not there");
        buf_free(&value);
    }
}

static void
refused(void)
{
    struct buf value = {0};

    ok(!line_get(view_of("e a=\"begun"), "a", &value) && !value.data,
       "of a value that is not whole nothing is kept");
    buf_addstr(&value, "there");
    ok(!line_get(view_of("e a=\"begun"), "a", &value) && value.len == 5 &&
           memcmp(value.data, "there", 5) == 0,
       "what was there before is");
    buf_free(&value);
}

static void
round_trip(void)
{
    struct buf b = {0}, value = {0};
    char all[255];
    uint64_t n;

    for (int i = 0; i < 255; i++)
        all[i] = (char)(i + 1);
    line_print(&b, "e a=%.*s n=%u", 255, all, 77u);
    ok(line_get(buf_view(&b), "a", &value) && value.len == 255 &&
           memcmp(value.data, all, 255) == 0,
       "each byte is read as it was printed");
    ok(memchr(b.data, '\n', b.len) == NULL, "on one line");
    ok(line_getnumber(buf_view(&b), "n", &n) && n == 77 &&
           !line_getnumber(buf_view(&b), "a", &n),
       "a number is digits alone");
    buf_free(&b);
    buf_free(&value);
}

int
main(void)
{
    printing();
    reading();
    refused();
    round_trip();
    return tap_end();
}
