#include "remote/convert.h"

#include "base/job.h"
#include "tests/tap.h"

/* Converts in pieces of step bytes; NULL if it is refused. */
static char *
convert(struct view in, uint32_t flags, bool eight_fits, size_t step,
        struct buf *out)
{
    struct convert c;
    bool good = true;

    buf_clear(out);
    buf_addstr(out, "");
    convert_init(&c, flags, eight_fits);
    do {
        size_t n = step < in.len ? step : in.len;

        good = convert_add(&c, view_make(in.data, n), n == in.len, out);
        in = view_from(in, n);
    } while (good && in.len);
    convert_free(&c);
    return good ? out->data : NULL;
}

#define X10 "xxxxxxxxxx"
#define X70 X10 X10 X10 X10 X10 X10 X10
#define TEXT "Content-Type: text/plain; charset=us-ascii\n"
#define QP "Content-Transfer-Encoding: quoted-printable\n"
#define B64 "Content-Transfer-Encoding: base64\n"
#define V "MIME-Version: 1.0\n"
#define MIXED V "Content-Type: multipart/mixed; boundary=b\n"

static const struct {
    const char *name, *in, *out;
    uint32_t flags;
} table[] = {
    {"a body without MIME becomes quoted-printable text",
     "A: b\n\n10%\r20%\r\nend \n",
     "A: b\n" V TEXT QP "\n10%=0D20%\nend=20\n", JOB_BARE_CR},
    {"UTF-8 is called so where all of it was seen",
     "A: b\n\nna\xc3\xafve text, and enough of it to be readable\n",
     "A: b\n" V "Content-Type: text/plain; charset=utf-8\n" QP
     "\nna=C3=AFve text, and enough of it to be readable\n", JOB_8BIT_BODY},
    {"what is no UTF-8 is called unknown (RFC 1428)",
     "A: b\n\nna\xefve\n",
     "A: b\n" V "Content-Type: text/plain; charset=unknown-8bit\n" QP
     "\nna=EFve\n", JOB_8BIT_BODY},
    {"a type that was given stays, the encoding is replaced",
     V "Content-Type: text/html;\n charset=iso-8859-1\n"
     "Content-Transfer-Encoding: 8bit\nA: b\n\n<a b=\"\xe4\">\n",
     V "Content-Type: text/html;\n charset=iso-8859-1\nA: b\n" QP
     "\n<a b=3D\"=E4\">\n", JOB_8BIT_BODY},
    {"an empty body may follow", "A: b\n\n", "A: b\n" V TEXT QP "\n", 0},
    {"a message without a body has none", "A: b\n", "A: b\n", 0},
    {"a body without an empty line before gets one",
     "A: b\nno field\n", "A: b\n" V TEXT QP "\nno field\n", 0},
    {"lines are broken softly at 76",
     "A: b\n\n" X70 X10 "\n",
     "A: b\n" V TEXT QP "\n" X70 "xxxxx=\nxxxxx\n", 0},
    {"NUL makes base64, line ends of text CRLF (RFC 2045 6.8)",
     "A: b\n\na\nb\n", "A: b\n" V TEXT B64 "\nYQ0KYg0K\n", JOB_NUL},
    {"bytes that are no text keep their line ends",
     V "Content-Type: image/x\n\na\nb\r\n",
     V "Content-Type: image/x\n" B64 "\nYQpiDQo=\n", 0},
    {"a part's last line end is the boundary's (RFC 2046 5.1.1)",
     MIXED "\npreamble\n--b\n\none \n\n--b\nContent-Type: a/b\n\ntwo\n"
     "--b--\nepilogue\n",
     MIXED "\npreamble\n--b\n" QP "\none=20\n\n--b\nContent-Type: a/b\n" B64
     "\ndHdv\n--b--\nepilogue\n", 0},
    {"multiparts nest, and an outer boundary ends the inner",
     MIXED "\n--b\nContent-Type: multipart/alternative;\n"
     " boundary=\"b c\"\n\n--b c\n\nx=\n--b \n\ny\n--b--\n",
     MIXED "\n--b\nContent-Type: multipart/alternative;\n"
     " boundary=\"b c\"\n\n--b c\n" QP "\nx=3D\n--b \n" QP "\ny\n--b--\n", 0},
    {"a message within is converted within",
     MIXED "\n--b\nContent-Type: message/rfc822\n\nA: b\n\n=\n--b--\n",
     MIXED "\n--b\nContent-Type: message/rfc822\n\nA: b\n" V TEXT QP
     "\n=3D\n--b--\n", 0},
    {"parts of a digest are messages (RFC 2046 5.1.5)",
     V "Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n\nx=\n"
     "--b--\n",
     V "Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n" V TEXT
     QP "\nx=3D\n--b--\n", 0},
    {"a part that ends in its header stays so",
     MIXED "\n--b\nA: b\n--b--\n", MIXED "\n--b\nA: b\n--b--\n", 0},
    {"what only looks like a boundary is text",
     MIXED "\n--b\n\n--bb\n-- b\n--b-\n--b--\n",
     MIXED "\n--b\n" QP "\n--bb\n-- b\n--b-\n--b--\n", 0},
    {"base64 gets shorter lines",
     V B64 "\nAAAA" X70 X10 "\nBBBB\n",
     V B64 "\nAAAA" X70 "xx\nxxxxxxxx\nBBBB\n", 0},
    {"quoted-printable of short lines stays as it is",
     V QP "\na=\nb=3D \n" X70 "xxxxx=\n", V QP "\na=\nb=3D \n" X70 "xxxxx=\n",
     0},
    {"bytes that quoted-printable cannot hold are encoded",
     V QP "\na\x01\xe4\r\rb\n", V QP "\na=01=E4=0D=0Db\n", 0},
    {"what is signed stays as it is (RFC 1847)",
     V "Content-Type: multipart/signed; boundary=b\n\n--b\n\nx=\n--b--\n",
     V "Content-Type: multipart/signed; boundary=b\n\n--b\n\nx=\n--b--\n", 0},
    {"so does what has two types",
     "Content-Type: a/b\nContent-Type: c/d\n\nx=\n",
     "Content-Type: a/b\nContent-Type: c/d\n\nx=\n", 0},
    {"CRLF is a line end", "A: b\r\n\r\nx=\r\ny\r\n",
     "A: b\n" V TEXT QP "\nx=3D\ny\n", 0},
};

static void
test_table(void)
{
    struct buf out = {0};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct view in = view_of(table[i].in);
        bool good = true;

        same(convert(in, table[i].flags, true, in.len + 1, &out),
             table[i].out, table[i].name);
        /* What is called UTF-8 has to be seen at once. */
        for (size_t step = 1; step < in.len; step++) {
            char *got = convert(in, table[i].flags, true, step, &out);

            good = good && got && (table[i].flags == JOB_8BIT_BODY ||
                                   strcmp(got, table[i].out) == 0);
        }
        ok(good, "and the same in pieces of any size");
    }
    buf_free(&out);
}

static const struct {
    const char *name, *in;
    size_t len;
} refused[] = {
#define IN(s) s, sizeof s - 1
    {"a NUL in a header is refused", IN("A: \0\n\nx\n")},
    {"a CR in a header is refused", IN("A: \rb\n\nx\n")},
    {"an 8-bit part header is refused without 8BITMIME",
     IN(MIXED "\n--b\nA: \xe4\n\nx\n")},
    {"an 8-bit signed part is refused without 8BITMIME",
     IN(V "Content-Type: multipart/signed; boundary=b\n\n\xe4\n")},
    {"a NUL between parts is refused", IN(MIXED "\na\0\n--b\n")},
    {"an unknown encoding of 8-bit bytes is refused",
     IN(V "Content-Transfer-Encoding: x\n\n\xe4\n")},
};

static void
test_refused(void)
{
    struct buf in = {0}, out = {0};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        ok(!convert(view_make(refused[i].in, refused[i].len), 0, false, 7,
                    &out),
           "%s", refused[i].name);
    buf_addstr(&in, "A: ");
    for (int i = 0; i < 300 * 1000; i++)
        buf_addbyte(&in, 'x');
    ok(!convert(buf_view(&in), 0, true, 65536, &out),
       "a header of 300,000 bytes is refused");
    buf_free(&in);
    for (int i = 0; i < CONVERT_DEPTH_MAX + 1; i++)
        buf_print(&in, V "Content-Type: multipart/x; boundary=%d\n\n--%d\n",
                  i, i);
    ok(convert(buf_view(&in), 0, true, 65536, &out) != NULL,
       "parts nested too deep stay as they are");
    buf_addstr(&in, "\n");
    for (int i = 0; i < 999; i++)
        buf_addbyte(&in, 'x');
    ok(!convert(buf_view(&in), 0, true, 65536, &out),
       "and are refused if that cannot be");
    buf_free(&in);
    buf_free(&out);
}

/* The longest line of v; lines end in LF. */
static size_t
longest(struct view v)
{
    struct view line;
    size_t most = 0;

    while (view_line(&v, &line))
        if (line.len > most)
            most = line.len;
    return most;
}

static void
test_folds(void)
{
    struct buf in = {0}, out = {0};

    buf_addstr(&in, "To:");
    for (int i = 0; i < 400; i++)
        buf_print(&in, " a%d@example.org,", i);
    buf_addstr(&in, " b@example.org\n\nx\n");
    ok(convert(buf_view(&in), 0, true, 1000, &out) &&
           longest(buf_view(&out)) <= 998,
       "a long header line is folded at a blank (RFC 5322 2.2.3)");
    for (size_t i = 0; i + 1 < out.len; i++)
        if (out.data[i] == '\n' && out.data[i + 1] == ' ')
            memmove(out.data + i, out.data + i + 1, out.len-- - i);
    ok(memcmp(in.data, out.data, in.len - 3) == 0,
       "and unfolded it is what it was");
    buf_clear(&in);
    buf_addstr(&in, "A: ");
    for (int i = 0; i < 1000; i++)
        buf_addbyte(&in, 'x');
    buf_addstr(&in, "\n\nx\n");
    ok(!convert(buf_view(&in), 0, true, 1000, &out),
       "one without a blank is refused");
    buf_free(&in);
    buf_free(&out);
}

static void
test_long(void)
{
    struct buf in = {0}, out = {0};

    buf_addstr(&in, V QP "\n");
    for (int i = 0; i < 10000; i++)
        buf_addstr(&in, "=C3=A4.");
    buf_addstr(&in, "\n");
    ok(convert(buf_view(&in), 0, true, 65536, &out) &&
           longest(buf_view(&out)) <= 998 &&
           longest(buf_view(&out)) > 800,
       "long lines of quoted-printable are broken softly");
    for (size_t i = 0; i + 1 < out.len; i++)
        if (out.data[i] == '=' && out.data[i + 1] == '\n') {
            memmove(out.data + i, out.data + i + 2, out.len - i - 1);
            out.len -= 2;
            i--;
        }
    ok(strcmp(out.data, in.data) == 0, "and nowhere within an =XX");
    buf_free(&in);
    buf_free(&out);
}

int
main(void)
{
    test_table();
    test_refused();
    test_folds();
    test_long();
    return tap_end();
}
