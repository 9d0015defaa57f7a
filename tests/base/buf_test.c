#include "base/buf.h"

#include "tests/tap.h"

static void
bytes(void)
{
    struct buf b = {0};

    ok(buf_view(&b).len == 0 && buf_view(&b).data, "an empty buf is a view");
    for (int i = 0; i < 1000; i++)
        buf_addbyte(&b, 'x');
    buf_print(&b, "%s-%d", "y", 7);
    ok(b.len == 1003 && strcmp(b.data + 1000, "y-7") == 0,
       "a buf grows; a zero byte follows its data");
    buf_consume(&b, 1000);
    same(b.data, "y-7", "the first bytes can be dropped");
    buf_consume(&b, 99);
    ok(b.len == 0 && b.data[0] == 0, "at most all of them");
    buf_free(&b);
    ok(!b.data && !b.cap, "a freed one is empty");
    buf_free(&b);
}

static void
numbers(void)
{
    struct buf b = {0};
    char text[8];

    buf_addu16(&b, 0x0102);
    buf_addu32(&b, 0x03040506);
    buf_addu64(&b, 0x0708090a0b0c0d0e);
    ok(memcmp(b.data, "\2\1\6\5\4\3\16\15\14\13\12\11\10\7", 14) == 0,
       "numbers are little-endian");
    ok(get_u16(b.data) == 0x0102 && get_u32(b.data + 2) == 0x03040506 &&
           get_u64(b.data + 6) == 0x0708090a0b0c0d0e,
       "and are read so, at any place");
    put_u32(text, 1);
    put_u64(text, 2);
    ok(get_u64(text) == 2, "put writes what get reads");
    buf_clear(&b);
    buf_addnumber(&b, 0);
    buf_addbyte(&b, ' ');
    buf_addnumber(&b, 1090);
    buf_addbyte(&b, ' ');
    buf_addnumber(&b, UINT64_MAX);
    same(b.data, "0 1090 18446744073709551615", "decimal, of any size");
    buf_free(&b);
}

/* However much room there happens to be. */
static void
printing(void)
{
    bool good = true;

    for (int before = 0; before < 200; before++)
        for (int width = 1; width < 200; width++) {
            struct buf b = {0};

            for (int i = 0; i < before; i++)
                buf_addbyte(&b, 'x');
            buf_print(&b, "%*d", width, 7);
            good = good && b.len == (size_t)(before + width) &&
                   b.len < b.cap && b.data[b.len] == 0 &&
                   b.data[b.len - 1] == '7' &&
                   (width == 1 || b.data[before] == ' ');
            buf_free(&b);
        }
    ok(good, "what is printed stands whole behind what was there");
}

static void
views(void)
{
    struct view v = view_of("a=b=c"), line, all;
    struct view empty = {0};
    const char *text = "one\n\ntwo";
    struct view rest = view_of(text);

    ok(view_find(v, '=') == 1 && view_findlast(v, '=') == 3 &&
           view_find(v, 'x') == 5 && view_findlast(v, 'x') == 5,
       "a byte is found from both ends, or the length is told");
    ok(view_from((struct view){0}, 9).len == 0, "nothing ends in nothing");
    ok(view_is(view_from(v, 2), "b=c") && view_from(v, 9).len == 0,
       "the rest of a view begins at most at its end");
    ok(view_equal(empty, view_of("")) && view_equalcase(empty, empty) &&
           view_find(empty, 'x') == 0,
       "a view of nothing needs no pointer");
    ok(view_equalcase(view_of("AbZ[\xc4"), view_of("aBz[\xc4")) &&
           !view_equalcase(view_of("[\xc4"), view_of("{\xe4")),
       "only ASCII letters compare alike");
    ok(view_is(view_trim(view_of(" \t x y\r\n")), "x y") &&
           view_trim(view_of(" \t")).len == 0,
       "blanks and line ends go from both ends");
    ok(view_line(&rest, &line) && view_is(line, "one") &&
           view_line(&rest, &line) && line.len == 0 &&
           view_line(&rest, &line) && view_is(line, "two") &&
           !view_line(&rest, &line),
       "lines come one by one, the last without its end");
    all = rest = view_of("one\n\ntwo");
    ok(view_line(&rest, &line) && view_line(&rest, &line) &&
           line.data == all.data + 4,
       "an empty line tells where it stands");
}

static void
decimals(void)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t n;
    } rows[] = {
        {"0", 0, true, 0},
        {"10", 10, true, 10},
        {"11", 10, false, 0},
        {"007", 10, true, 7},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"9", 5, false, 0},
        {"", 10, false, 0},
        {"-1", 10, false, 0},
        {"+1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1x", 10, false, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t n = 0;

        ok(view_number(view_of(rows[i].text), rows[i].max, &n) ==
                   rows[i].good && n == rows[i].n,
           "'%s' is %sa number of at most %ju", rows[i].text,
           rows[i].good ? "" : "not ", (uintmax_t)rows[i].max);
    }
}

int
main(void)
{
    bytes();
    numbers();
    printing();
    views();
    decimals();
    return tap_end();
}
