#include "base/header.h"

#include <stdlib.h>

#include "tests/tap.h"

/* "name=body|" for each field, line breaks within bodies as '/', then what
 * is left. */
static void
walk(struct buf *out, const char *text)
{
    struct view rest = view_of(text);
    struct header_field f;

    while (header_next(&rest, &f)) {
        buf_addview(out, f.name);
        buf_addbyte(out, '=');
        buf_addview(out, f.body);
        buf_addbyte(out, '|');
    }
    buf_addview(out, rest);
    buf_addstr(out, "");
}

static void
sections(void)
{
    static const struct {
        const char *text, *want, *name;
    } rows[] = {
        {"A: b\nC: d\n\nbody", "A= b|C= d|\nbody", "fields, then the body"},
        {"A: b\r\nC:d\r\n\r\nx", "A= b|C=d|\r\nx", "lines may end in CRLF"},
        {"A: b\n c\n\td\nE: f\n", "A= b\n c\n\td|E= f|",
         "RFC 5322 2.2.3: a folded field"},
        {"A: b\n \n c\n", "A= b\n \n c|",
         "RFC 5322 4.2: a line of blanks continues a field"},
        {"A : b\n", "A= b|", "RFC 5322 4.5: blanks before the colon"},
        {"A:\n", "A=|", "a field may be empty"},
        {"A: b", "A= b|", "the last line may lack its end"},
        {"A: b\r", "A= b\r|", "a CR alone ends no line"},
        {"A: b\rB: c\n", "A= b\rB: c|", "nor does it begin one"},
        {"no field\nA: b\n", "no field\nA: b\n", "a line that is no field"},
        {"A: b\nno field\n", "A= b|no field\n", "ends the section"},
        {" A: b\n", " A: b\n", "no section begins with a continuation"},
        {": b\n", ": b\n", "a field has a name"},
        {"\xc3\xa4: b\n", "\xc3\xa4: b\n", "names are ASCII"},
        {"\nA: b\n", "\nA: b\n", "an empty section"},
        {"", "", "nothing"},
        {"From ann@x Mon\nA: b\n", "From ann@x Mon\nA: b\n",
         "the first line of an mbox is no field"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};

        walk(&out, rows[i].text);
        same(out.data, rows[i].want, rows[i].name);
        buf_free(&out);
    }
}

static void
whole(void)
{
    struct view rest = view_of("Subject: a\r\n b\r\nTo: x\r\n");
    struct header_field f;

    header_next(&rest, &f);
    ok(view_is(f.whole, "Subject: a\r\n b\r\n"),
       "a field's bytes reach to its last line break");
    ok(header_find(view_of("A: 1\nTO: 2\nto: 3\n"), "To", &f) &&
           view_is(f.body, " 2"),
       "the first field of a name is found in any case");
    ok(!header_find(view_of("A: 1\n\nTo: 2\n"), "To", &f),
       "but not in the body");
}

/* Told in pieces of each size, the end is where header_next stops. */
static void
scans(void)
{
    static const char *const texts[] = {
        "A: b\nC: d\n\nbody", "A: b\r\n c\r\n\r\n", "A: b\nbody", "body\n",
        "A: b", "A", "", "\n", "A : b\n \n x\n\n", "From ann\n", " x", "A:",
    };
    char name[HEADER_NAME_MAX + 10];
    struct header_scan s;
    size_t end;
    bool good = true;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i]), want;
        struct view rest = view_of(texts[i]);
        struct header_field f;

        while (header_next(&rest, &f))
            ;
        want = len - rest.len;
        for (size_t step = 1; step <= len + 1; step++) {
            size_t n = 0;

            memset(&s, 0, sizeof s);
            while (n < len && !header_scan(&s, view_make(texts[i], n), false,
                                           &end))
                n += step;
            if (n >= len)
                good = good && header_scan(&s, view_of(texts[i]), true, &end);
            good = good && end == want;
        }
    }
    ok(good, "the end is found however the bytes come in");

    memset(name, 'x', sizeof name);
    memset(&s, 0, sizeof s);
    ok(header_scan(&s, view_make(name, sizeof name), false, &end) && end == 0,
       "a body without a line break is known by its first 998 bytes");
}

static void
large(void)
{
    struct buf b = {0};
    struct header_scan s = {0};
    struct view rest;
    struct header_field f;
    size_t n = 0, end;

    for (int i = 0; i < 100000; i++)
        buf_addstr(&b, "X-Many: y\n z\n");
    rest = buf_view(&b);
    while (header_next(&rest, &f))
        n++;
    ok(n == 100000 && rest.len == 0, "100,000 fields are walked");
    ok(!header_scan(&s, buf_view(&b), false, &end) &&
           header_scan(&s, buf_view(&b), true, &end) && end == b.len,
       "and scanned");
    buf_free(&b);
}

int
main(void)
{
    sections();
    whole();
    scans();
    large();
    return tap_end();
}
