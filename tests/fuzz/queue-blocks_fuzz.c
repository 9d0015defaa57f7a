#include "queue/answers.h"
#include "queue/blocks.h"
#include "tests/fuzz/fuzz.h"

/* bounce/ID of any bytes; a block that is appended to them is found. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view in = exact(data, size), rest = in;
    struct block mine = {.rcpt = 3, .time_ms = 5, .code = view_of("5.1.1"),
                         .why = in, .to = view_of("a@b.example")};
    struct buf file = {0};
    struct blocks blocks = {0};
    const struct block *found;
    uint32_t index;

    blocks_parse(&blocks, 7, in);
    blocks_free(&blocks);
    memset(&blocks, 0, sizeof blocks);
    if (memchr(in.data, 0, in.len) == NULL) {
        buf_addview(&file, in);
        block_print(&file, 7, &mine);
        blocks_parse(&blocks, 7, buf_view(&file));
        found = blocks_find(&blocks, 3);
        CLAIM(found && found->time_ms == 5 && view_is(found->code, "5.1.1"));
        blocks_free(&blocks);
    }
    answers_id(in);
    while (answers_next(&rest, &index))
        CLAIM(rest.len < size);
    buf_free(&file);
    free((void *)in.data);
    return 0;
}
