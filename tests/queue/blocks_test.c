#include "queue/blocks.h"

#include <stdlib.h>

#include "tests/tap.h"

static const uint64_t ID = 0x123456789abcdefu;

static struct block
block_of(uint32_t rcpt, const char *why)
{
    struct block block = {
        .time_ms = 1795000000123u,
        .rcpt = rcpt,
        .code = view_of("5.1.1"),
        .host = view_of("mx1.example.org[192.0.2.1]"),
        .why = view_of(why),
        .to = view_of("ann@example.org"),
    };

    return block;
}

static void
one_line(void)
{
    struct block block = block_of(2, "550 5.1.1 no such user");
    struct buf b = {0};
    const char *star;

    block_print(&b, ID, &block);
    star = strchr(b.data, '*');
    ok(star && strlen(star) == 18 && star[17] == '\n',
       "a line is closed by a star and 16 digits");
    b.data[star - b.data] = 0;
    same(b.data,
         "\nfail time=1795000000123 rcpt=2 expired=0 code=5.1.1 "
         "host=mx1.example.org[192.0.2.1] why=\"550 5.1.1 no such user\" "
         "to=ann@example.org ", "a failure is one line");
    buf_free(&b);
}

static void
back(void)
{
    static const char odd[] = "two\nlines \"quoted\" \\ *0011 \xff\x01 to=x";
    struct block in = block_of(99999, odd);
    struct blocks blocks = {0};
    const struct block *out;
    struct buf b = {0};

    in.expired = true;
    in.host = view_of("");
    block_print(&b, ID, &in);
    blocks_parse(&blocks, ID, buf_view(&b));
    out = blocks_find(&blocks, 99999);
    ok(blocks.count == 1 && blocks.skipped == 0 && out, "it is read back");
    ok(out && out->time_ms == in.time_ms && out->expired &&
           view_equal(out->code, in.code) && out->host.len == 0 &&
           view_equal(out->why, in.why) && view_equal(out->to, in.to),
       "each value as it was, whatever its bytes");
    ok(!blocks_find(&blocks, 99998) && !blocks_find(&blocks, 100000),
       "others have not failed");
    blocks_free(&blocks);
    blocks_free(&blocks);

    blocks_parse(&blocks, ID + 1, buf_view(&b));
    ok(blocks.count == 0 && blocks.skipped == 1,
       "the line of another message does not verify");
    blocks_free(&blocks);
    buf_free(&b);
}

static void
last_rules(void)
{
    static const uint32_t order[] = {7, 3, 7, 0, 3};
    static const char *const words[] = {"a", "b", "c", "d", "e"};
    struct blocks blocks = {0};
    struct buf b = {0};

    for (int i = 0; i < 5; i++) {
        struct block block = block_of(order[i], words[i]);

        block_print(&b, ID, &block);
    }
    blocks_parse(&blocks, ID, buf_view(&b));
    ok(blocks.count == 3 && blocks.items[0].rcpt == 0 &&
           blocks.items[1].rcpt == 3 && blocks.items[2].rcpt == 7,
       "there is one block a recipient, in the order of the indexes");
    ok(view_is(blocks.items[0].why, "d") &&
           view_is(blocks.items[1].why, "e") &&
           view_is(blocks.items[2].why, "c"),
       "the last one of a recipient rules");
    blocks_free(&blocks);
    buf_free(&b);
}

/* Counts what is read of two blocks after one byte of the file is changed or
 * the file is cut; the second is counted alone. */
static void
damage(void)
{
    struct block first = block_of(0, "550 no such user"), second = first;
    struct buf b = {0}, copy = {0};
    bool changed = true, cut = true, torn = true;
    size_t middle;

    second.rcpt = 1;
    block_print(&b, ID, &first);
    middle = b.len;
    block_print(&b, ID, &second);
    for (size_t i = 0; i < b.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct blocks blocks = {0};

            b.data[i] ^= (char)(1 << bit);
            blocks_parse(&blocks, ID, buf_view(&b));
            b.data[i] ^= (char)(1 << bit);
            for (size_t n = 0; n < blocks.count; n++)
                changed = changed && blocks.items[n].rcpt < 2 &&
                          view_equal(blocks.items[n].why, first.why) &&
                          view_equal(blocks.items[n].to, first.to);
            changed = changed && (blocks.count == 2 || i == middle ||
                                  i == middle - 1 || i == 0 ||
                                  blocks.count == 1);
            blocks_free(&blocks);
        }
    ok(changed, "no changed bit makes another failure of a line");
    for (size_t len = 0; len < b.len; len++) {
        struct blocks blocks = {0};

        blocks_parse(&blocks, ID, view_make(b.data, len));
        cut = cut && blocks.count == (size_t)(len >= middle - 1) +
                                         (len >= b.len - 1);
        blocks_free(&blocks);
    }
    ok(cut, "a file cut short keeps its whole lines");
    for (size_t len = 0; len < middle; len++) {
        struct blocks blocks = {0};

        buf_clear(&copy);
        buf_add(&copy, b.data, len);
        buf_add(&copy, b.data + middle, b.len - middle);
        blocks_parse(&blocks, ID, buf_view(&copy));
        torn = torn && blocks_find(&blocks, 1) &&
               (blocks_find(&blocks, 0) != NULL) == (len >= middle - 1);
        blocks_free(&blocks);
    }
    ok(torn, "what is appended behind a torn line is read");
    buf_free(&copy);
    buf_free(&b);
}

static void
nonsense(void)
{
    static const char *const files[] = {
        "", "\n\n\n", "fail", "*", " *0000000000000000",
        "fail time=1 rcpt=1 expired=0 code=1 host= why= to=x *0123456789abcdef",
    };
    struct buf b = {0};
    bool good = true;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct blocks blocks = {0};

        blocks_parse(&blocks, ID, view_of(files[i]));
        good = good && blocks.count == 0 && !blocks_find(&blocks, 1);
        blocks_free(&blocks);
    }
    ok(good, "nonsense holds no failures");
    for (int i = 0; i < 100000; i++)
        buf_addbyte(&b, 'x');
    for (int i = 0; i < 3; i++) {
        struct blocks blocks = {0};
        struct block block = block_of(1, b.data);

        block.host = block.to = block.code = block.why;
        buf_addbyte(&b, '\n');
        block_print(&b, ID, &block);
        blocks_parse(&blocks, ID, buf_view(&b));
        good = good && blocks.count == 1 && blocks.skipped == 1 &&
               blocks.items[0].why.len == BLOCK_WHY_MAX;
        blocks_free(&blocks);
        buf_free(&b);
        for (int n = 0; n < 20000; n++)
            buf_addbyte(&b, n % 250 + 1 == '\n' ? 'x' : n % 250 + 1);
    }
    ok(good, "texts are cut at their limits, and what was cut is read back");
    buf_free(&b);
}

static void
many(void)
{
    struct blocks blocks = {0};
    struct buf b = {0};
    bool good = true;

    for (uint32_t i = 0; i < 20000; i++) {
        struct block block = block_of(19999 - i, "550 no such user");

        block_print(&b, ID, &block);
    }
    blocks_parse(&blocks, ID, buf_view(&b));
    for (uint32_t i = 0; i < 20000; i++)
        good = good && blocks_find(&blocks, i) == &blocks.items[i];
    ok(good && blocks.count == 20000, "twenty thousand failures are found");
    blocks_free(&blocks);
    buf_free(&b);
}

int
main(void)
{
    one_line();
    back();
    last_rules();
    damage();
    nonsense();
    many();
    return tap_end();
}
