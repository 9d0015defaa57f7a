#include "queue/chain.h"

#include <sodium.h>
#include <stdlib.h>

#include "tests/tap.h"

static const char *const lines[] = {"one line", "", "x", " *", "a b=\"c *\""};
enum { LINES = sizeof lines / sizeof *lines };

static void
print_all(struct chain *c, struct buf *b)
{
    for (size_t i = 0; i < LINES; i++)
        chain_close(c, b, view_of(lines[i]));
}

/* How many lines fit from the start. */
static size_t
good_lines(struct view all)
{
    struct chain c = {{0}};
    struct view line, text;
    size_t n = 0;

    while (view_line(&all, &line) && chain_check(&c, line, &text))
        n++;
    return n;
}

static void
round_trip(void)
{
    struct chain c = {{0}}, back = {{0}};
    struct view all, line, text;
    struct buf b = {0};
    bool good = true;

    print_all(&c, &b);
    all = buf_view(&b);
    for (size_t i = 0; i < LINES; i++)
        good = good && view_line(&all, &line) &&
               chain_check(&back, line, &text) && view_is(text, lines[i]) &&
               line.len == strlen(lines[i]) + CHAIN_CLOSE;
    ok(good && all.len == 0, "closed lines are checked one after another");
    ok(memcmp(&c, &back, sizeof c) == 0, "and leave the same hash");
    buf_free(&b);
}

/* How many changes of one byte pass; the chain stays where it was. */
static unsigned
flips(struct view line, char *bytes, unsigned *moved)
{
    struct chain start = {{0}};
    struct view text;
    unsigned taken = 0;

    for (size_t at = 0; at < line.len; at++)
        for (unsigned x = 1; x < 256; x++) {
            struct chain c = start;

            bytes[at] = (char)(bytes[at] ^ x);
            taken += chain_check(&c, line, &text);
            *moved += memcmp(&c, &start, sizeof start) != 0;
            bytes[at] = (char)(bytes[at] ^ x);
        }
    return taken;
}

static void
changes(void)
{
    struct chain c, start = {{0}};
    struct view text, line = {0};
    struct buf b = {0};
    unsigned taken = 0, moved = 0;

    /* Enough of them for each letter to stand in a hash. */
    for (unsigned i = 0; i < 8; i++) {
        char words[40];

        snprintf(words, sizeof words, "deliver id=%u to=ann@example.org", i);
        buf_clear(&b);
        c = start;
        chain_close(&c, &b, view_of(words));
        line = view_make(b.data, b.len - 1);
        taken += flips(line, b.data, &moved);
    }
    ok(taken == 0, "each other value of each byte of a line is seen");
    ok(moved == 0, "and a line that does not fit moves nothing");
    for (size_t len = 0; len < line.len; len++)
        taken += chain_check(&start, view_make(line.data, len), &text) ||
                 chain_check(&start, view_from(line, line.len - len), &text);
    ok(taken == 0, "nor does a part of one fit");
    ok(!chain_check(&c, line, &text), "nor the same line once more");
    buf_free(&b);
}

static void
order(void)
{
    struct chain c = {{0}};
    struct view first, second, rest;
    struct buf b = {0}, other = {0};

    print_all(&c, &b);
    ok(good_lines(buf_view(&b)) == LINES, "all lines fit");
    rest = buf_view(&b);
    view_line(&rest, &first);
    ok(good_lines(rest) == 0, "without the first line the second does not");
    view_line(&rest, &second);
    buf_add(&other, first.data, first.len + 1);
    buf_addview(&other, rest);
    ok(good_lines(buf_view(&other)) == 1, "without the second the third "
       "does not");
    buf_clear(&other);
    buf_add(&other, second.data, second.len + 1);
    buf_add(&other, first.data, first.len + 1);
    ok(good_lines(buf_view(&other)) == 0, "nor do two that changed places");
    buf_clear(&other);
    buf_add(&other, first.data, first.len + 1);
    buf_add(&other, first.data, first.len + 1);
    buf_addview(&other, rest);
    ok(good_lines(buf_view(&other)) == 1, "nor one that was put in");
    buf_free(&other);
    buf_free(&b);
}

static void
hashes(void)
{
    struct chain c = {{0}}, back;
    char text[CHAIN_TEXT + 1], longer[CHAIN_TEXT + 2];
    struct buf b = {0};

    chain_close(&c, &b, view_of("x"));
    chain_print(&c, text);
    ok(strlen(text) == CHAIN_TEXT && chain_parse(&back, view_of(text)) &&
       memcmp(&c, &back, sizeof c) == 0, "a hash is 32 letters and back");
    snprintf(longer, sizeof longer, "%sA", text);
    ok(!chain_parse(&back, view_of(longer)) &&
       !chain_parse(&back, view_make(text, CHAIN_TEXT - 1)) &&
       !chain_parse(&back, view_of("")), "of 32 letters exactly");
    text[5] = '=';
    ok(!chain_parse(&back, view_of(text)), "which are letters of base64");
    buf_free(&b);
}

static void
signatures(void)
{
    unsigned char public[crypto_sign_PUBLICKEYBYTES], other[sizeof public];
    unsigned char secret[crypto_sign_SECRETKEYBYTES], unused[sizeof secret];
    char sig[CHAIN_SIGNATURE + 1];
    struct chain c = {{0}}, moved;
    struct buf b = {0};
    unsigned taken = 0;

    crypto_sign_keypair(public, secret);
    crypto_sign_keypair(other, unused);
    chain_close(&c, &b, view_of("x"));
    chain_sign(&c, 4711, secret, sig);
    ok(strlen(sig) == CHAIN_SIGNATURE &&
       chain_signed(&c, 4711, public, view_of(sig)), "a signature verifies");
    ok(!chain_signed(&c, 4712, public, view_of(sig)),
       "not at another position");
    ok(!chain_signed(&c, 4711, other, view_of(sig)), "not with another key");
    moved = c;
    chain_close(&moved, &b, view_of("y"));
    ok(!chain_signed(&moved, 4711, public, view_of(sig)),
       "not after another line");
    for (size_t at = 0; at < CHAIN_SIGNATURE; at++)
        for (unsigned x = 1; x < 256; x++) {
            sig[at] = (char)(sig[at] ^ x);
            taken += chain_signed(&c, 4711, public,
                                  view_make(sig, CHAIN_SIGNATURE));
            sig[at] = (char)(sig[at] ^ x);
        }
    ok(taken == 0, "not with any other value of any byte");
    ok(!chain_signed(&c, 4711, public, view_make(sig, 85)) &&
       !chain_signed(&c, 4711, public, view_of("")), "and not cut");
    buf_free(&b);
}

int
main(void)
{
    if (sodium_init() < 0)
        return 2;
    round_trip();
    changes();
    order();
    hashes();
    signatures();
    return tap_end();
}
