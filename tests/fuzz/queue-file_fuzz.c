#include <errno.h>

#include "base/id.h"
#include "queue/store.h"
#include "tests/fuzz/fuzz_dir.h"

#define ID 0x1234567890abcdULL

static struct store store;

static void
begin(void)
{
    static const char *const folders[] = {"todo", "info", "broken", "bounce",
                                          "ledger"};
    int dir = fuzz_dir();

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        CLAIM(mkdirat(dir, folders[i], 0700) == 0);
    file_close(&dir);
    CLAIM(store_open(&store, fuzz_path) == 0);
}

/* A file with right digests whose insides are the input: what only a newer
 * or a mad program would have written. */
static void
whole(struct buf *b, const uint8_t *data, size_t size)
{
    unsigned char front[CONTENT_OFFSET] = {0};
    struct header h = {.id = ID, .birth_ms = 1795384800000};
    size_t states;

    h.rcpt_count = data[0] & 3;
    h.facts = data[1];
    states = h.rcpt_count * STATE_LEN;
    memcpy(front + SLOT_OFFSET, data + 2, SLOT_LEN);
    data += 2 + SLOT_LEN;
    size -= 2 + SLOT_LEN;
    h.envelope_length = size > states ? size - states : 0;
    digest_of(view_make(NULL, 0), h.content_digest);
    digest_of(view_make(data, h.envelope_length), h.envelope_digest);
    header_print(front, &h);
    buf_add(b, front, sizeof front);
    buf_add(b, data, h.envelope_length);
    while (b->len < header_states(&h))
        buf_addbyte(b, 0);
    if (size >= states)
        buf_add(b, data + h.envelope_length, states);
}

/* Whatever the file holds: read whole or refused, never half. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf b = {0};
    struct queued q;
    const char *why;
    id_text name;
    int r;

    if (store.queue <= 0)
        begin();
    if (size > 2 + SLOT_LEN && data[0] & 128)
        whole(&b, data, size);
    else
        buf_add(&b, data, size);
    fuzz_put(store.dirs[PLACE_TODO], id_print(ID, name), buf_view(&b));
    r = store_load(&store, PLACE_TODO, ID, &q, &why);
    CLAIM(r <= 0 && why);
    if (r == 0) {
        CLAIM(q.header.rcpt_count == q.envelope.rcpt_count);
        for (uint32_t i = 0; i < q.header.rcpt_count; i++)
            CLAIM(strchr("odfb", q.states[i].state) != NULL);
        r = store_verify(&q);
        CLAIM(r == 0 || r == -EBADMSG);
        queued_free(&q);
    } else {
        CLAIM(r == -EBADMSG || r == -ENOTSUP);
    }
    buf_free(&b);
    return 0;
}
