#include "base/facts.h"

#include "base/job.h"
#include "tests/tap.h"

static uint32_t
of(struct view text, size_t piece)
{
    struct facts f = {0};

    for (size_t at = 0; at < text.len; at += piece)
        facts_add(&f, view_make(text.data + at, text.len - at < piece
                                                    ? text.len - at : piece));
    facts_end(&f);
    return f.seen;
}

static void
check(const char *name, struct view text, uint32_t want)
{
    uint32_t whole = of(text, text.len + 1);

    ok(whole == want, "%s", name);
    ok(of(text, 1) == whole && of(text, 3) == whole, "however it is cut");
}

/* The same by the words of RFC 5322 2.3 and 5321 4.5.3.1.6, for one short
 * line of a body. */
static uint32_t
expected(const char *line, size_t len)
{
    uint32_t facts = 0;

    for (size_t i = 0; i < len; i++)
        facts |= (line[i] == '\r' && (i + 1 == len || line[i + 1] != '\n')
                      ? JOB_BARE_CR : 0) |
                 (line[i] == 0 ? JOB_NUL : 0) |
                 ((unsigned char)line[i] > 127 ? JOB_8BIT_BODY : 0);
    return facts;
}

/* Two bytes that matter at every two places of a line. */
static void
places(void)
{
    static const char bytes[] = {'\r', 0, '\x80', '\xff', 1, 12, 14, '\n'};
    enum { COUNT = sizeof bytes, LEN = 19 };
    unsigned bad = 0;

    for (size_t n = 0; n < COUNT * COUNT * LEN * LEN; n++) {
        char text[2 + LEN] = "\n\n", *line = text + 2;

        memset(line, 'x', LEN);
        line[n % LEN] = bytes[n / LEN % COUNT];
        line[n / LEN / COUNT % LEN] = bytes[n / LEN / COUNT / LEN % COUNT];
        bad += of(view_make(text, sizeof text), sizeof text) !=
                   expected(line, LEN) ||
               of(view_make(text, sizeof text), 1) != expected(line, LEN);
    }
    ok(bad == 0, "wherever in a line a byte stands (%u)", bad);
}

int
main(void)
{
    static char line[1100];

    memset(line, 'x', sizeof line);
    memcpy(line, "S: a\n\n", 6);
    check("plain text has no facts", view_of("S: a\n\nb\n"), 0);
    check("nor has nothing", view_of(""), 0);
    check("CRLF is a line's end", view_of("S: a\r\n\r\nb\r\n"), 0);
    check("a CR within is bare", view_of("S: a\n\nb\rc\n"), JOB_BARE_CR);
    check("so is one at the end", view_of("S: a\n\nb\r"), JOB_BARE_CR);
    check("two CRs before LF: the first is bare", view_of("S: a\r\r\n"),
          JOB_BARE_CR);
    check("8 bits in the header", view_of("S: \xe4\n\nb\n"),
          JOB_8BIT_HEADER);
    check("8 bits in the body", view_of("S: a\n\n\xe4\n"), JOB_8BIT_BODY);
    check("the body begins behind CRLF CRLF too",
          view_of("S: a\r\n\r\n\xe4\n"), JOB_8BIT_BODY);
    check("NUL", view_make("S: a\n\n\0\n", 8), JOB_NUL);
    line[6 + 998] = '\n';
    check("a line of 998 bytes", view_make(line, 6 + 999), 0);
    line[6 + 998] = '\r';
    line[6 + 999] = '\n';
    check("and CRLF", view_make(line, 6 + 1000), 0);
    line[6 + 998] = 'x';
    check("a line of 999 bytes", view_make(line, 6 + 1000), JOB_LONG_LINE);
    check("without an end", view_make(line, 6 + 999), JOB_LONG_LINE);
    places();
    return tap_end();
}
