#include <errno.h>

#include "base/line.h"
#include "queue/ledger_read.h"
#include "tests/fuzz/fuzz_dir.h"

enum { SIZE = 4096 };

static int dir = -1;

/* A segment of the input's lines; those that end in '*' get a right hash, so
 * that the reader comes behind them. */
static struct view
segment(struct buf *b, struct chain *c, struct view in)
{
    struct view line;

    while (b->len < SIZE && view_line(&in, &line)) {
        if (line.len && line.data[line.len - 1] == '*') {
            line.len--;
            chain_close(c, b, line);
            continue;
        }
        if (view_is(line, "=next"))
            break;
        buf_addview(b, line);
        buf_addbyte(b, '\n');
    }
    if (b->len > SIZE)
        b->len = SIZE;
    while (b->len < SIZE)
        buf_addbyte(b, '\n');
    return in;
}

static void
put_segments(struct view in)
{
    struct chain c = {{0}};

    for (uint64_t n = 0; n < 3; n++) {
        char name[SEGMENT_NAME + 1];
        struct buf b = {0};

        segment_name(n * SIZE, name);
        in = segment(&b, &c, in);
        fuzz_put(dir, name, buf_view(&b));
        buf_free(&b);
    }
}

/* Each line once and in order, whatever the segments hold; it ends. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ledger_reader reader;
    struct ledger_line line;
    uint64_t before = 0, n;
    struct buf value = {0};
    struct view in = exact(data, size), text;
    struct chain c = {{0}};
    int r;

    if (dir < 0)
        dir = fuzz_dir();
    chain_check(&c, in, &text);
    chain_parse(&c, in);
    put_segments(in);
    CLAIM(ledger_readopen(&reader, dir, 0, NULL) == 0);
    while ((r = ledger_next(&reader, &line)) > 0) {
        CLAIM(line.position >= before);
        before = line.position + 1;
        line_get(line.text, "id", &value);
        line_getnumber(line.text, "rcpt", &n);
        ledger_is(&line, "deliver");
        buf_clear(&value);
    }
    CLAIM(r == 0 || r == -EBADMSG);
    ledger_readclose(&reader);
    fuzz_put(dir, "head", in);
    {
        struct ledger_head h;

        r = head_read(dir, &h);
        CLAIM(r == 0 || r == -EBADMSG);
    }
    buf_free(&value);
    free((void *)in.data);
    return 0;
}
