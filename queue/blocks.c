#include "queue/blocks.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/envelope.h"
#include "base/line.h"
#include "base/mem.h"

enum {
    CHECK_BYTES = 8,
    CHECK_LEN = 2 * CHECK_BYTES,
    CLOSE_LEN = CHECK_LEN + 2,
};

/* The hash that closes line, as text. */
static void
check_of(uint64_t id, struct view line, char text[CHECK_LEN + 1])
{
    unsigned char hash[DIGEST_LEN], bytes[8];
    struct digest d;

    put_u64(bytes, id);
    digest_init(&d);
    digest_add(&d, bytes, sizeof bytes);
    digest_add(&d, line.data, line.len);
    digest_end(&d, hash);
    sodium_bin2hex(text, CHECK_LEN + 1, hash, CHECK_BYTES);
}

static struct view
cut(struct view v, size_t max)
{
    return view_make(v.data, v.len < max ? v.len : max);
}

void
block_print(struct buf *b, uint64_t id, const struct block *block)
{
    struct view code = cut(block->code, BLOCK_CODE_MAX);
    struct view host = cut(block->host, BLOCK_HOST_MAX);
    struct view why = cut(block->why, BLOCK_WHY_MAX);
    struct view to = cut(block->to, ADDRESS_MAX);
    char check[CHECK_LEN + 1];
    struct buf line = {0};

    line_print(&line,
               "fail time=%ju rcpt=%u expired=%d code=%.*s host=%.*s "
               "why=%.*s to=%.*s",
               (uintmax_t)block->time_ms, block->rcpt, block->expired,
               (int)code.len, code.data, (int)host.len, host.data,
               (int)why.len, why.data, (int)to.len, to.data);
    check_of(id, buf_view(&line), check);
    buf_print(b, "\n%s *%s\n", line.data, check);
    buf_free(&line);
}

/* Takes the check off the end of line; false if it is not the right one. */
static bool
verify(uint64_t id, struct view *line)
{
    char check[CHECK_LEN + 1];
    struct view whole = *line;

    if (line->len < CLOSE_LEN || line->len > BLOCK_LINE_MAX)
        return false;
    line->len -= CLOSE_LEN;
    check_of(id, *line, check);
    return memcmp(whole.data + line->len, " *", 2) == 0 &&
           memcmp(whole.data + line->len + 2, check, CHECK_LEN) == 0;
}

/* The value of key, unescaped behind the end of text, which has room. */
static bool
take(struct view line, const char *key, size_t max, struct buf *text,
     struct view *value)
{
    size_t before = text->len;

    if (!line_get(line, key, text) || text->len - before > max)
        return false;
    *value = view_make(text->data + before, text->len - before);
    return true;
}

static bool
parse_line(struct block *block, uint64_t id, struct view line,
           struct buf *text)
{
    static const struct view event = {"fail ", 5};
    uint64_t rcpt, expired;

    if (!verify(id, &line) || line.len < event.len ||
        !view_equal(cut(line, event.len), event) ||
        !line_getnumber(line, "time", &block->time_ms) ||
        !line_getnumber(line, "rcpt", &rcpt) || rcpt >= ENVELOPE_RCPT_MAX ||
        !line_getnumber(line, "expired", &expired) || expired > 1)
        return false;
    block->rcpt = (uint32_t)rcpt;
    block->expired = expired;
    return take(line, "code", BLOCK_CODE_MAX, text, &block->code) &&
           take(line, "host", BLOCK_HOST_MAX, text, &block->host) &&
           take(line, "why", BLOCK_WHY_MAX, text, &block->why) &&
           take(line, "to", ADDRESS_MAX, text, &block->to);
}

/* Keeps the last block of each recipient, in the order of the indexes, of
 * which max is the highest. */
static void
last_of_each(struct blocks *blocks, uint32_t max)
{
    size_t *last = mem_alloc((max + 1) * sizeof *last);
    struct block *items = mem_alloc((blocks->count + 1) * sizeof *items);
    size_t kept = 0;

    for (size_t i = 0; i < blocks->count; i++)
        last[blocks->items[i].rcpt] = i + 1;
    for (uint32_t i = 0; i <= max; i++)
        if (last[i])
            items[kept++] = blocks->items[last[i] - 1];
    free(last);
    free(blocks->items);
    blocks->items = items;
    blocks->count = kept;
}

void
blocks_parse(struct blocks *blocks, uint64_t id, struct view file)
{
    size_t room = 0;
    uint32_t max = 0;
    struct view line;
    const char *base;

    /* Values are never longer than what they are read from, so the text
     * does not move while views into it are made. */
    buf_reserve(&blocks->text, file.len);
    base = blocks->text.data;
    while (view_line(&file, &line)) {
        size_t before = blocks->text.len;
        struct block block;

        if (line.len == 0)
            continue;
        if (!parse_line(&block, id, line, &blocks->text)) {
            blocks->text.len = before;
            blocks->skipped++;
            continue;
        }
        if (blocks->count == room) {
            room = room ? room * 2 : 16;
            blocks->items =
                mem_grow(blocks->items, room * sizeof *blocks->items);
        }
        blocks->items[blocks->count++] = block;
        max = block.rcpt > max ? block.rcpt : max;
    }
    assert(base == blocks->text.data);
    last_of_each(blocks, max);
}

const struct block *
blocks_find(const struct blocks *blocks, uint32_t rcpt)
{
    size_t low = 0, high = blocks->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (blocks->items[middle].rcpt < rcpt)
            low = middle + 1;
        else
            high = middle;
    }
    return low < blocks->count && blocks->items[low].rcpt == rcpt
               ? &blocks->items[low]
               : NULL;
}

void
blocks_free(struct blocks *blocks)
{
    free(blocks->items);
    buf_free(&blocks->text);
    memset(blocks, 0, sizeof *blocks);
}
