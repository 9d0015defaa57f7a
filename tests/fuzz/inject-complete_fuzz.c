#include "base/header.h"
#include "inject/complete.h"
#include "inject/qmail_envelope.h"
#include "tests/fuzz/fuzz.h"

static void
complete(struct view section, bool take)
{
    static const struct rewrite none;
    struct complete_facts facts = {
        .names = {"me.test", "host.test", "test", "plus.test"},
        .idhost = "me.test", .from = view_of("ann@host.test"),
        .fullname = view_of("Ann"), .now_ms = 1795384800000, .chance = 1,
        .take_rcpts = take, .rewrite = &none,
    };
    struct complete c = {0};
    struct rcpts rcpts = {0};
    struct header_field f;
    struct outcome o;
    struct buf out = {0};

    if (complete_header(&c, section, &facts, &rcpts, &o) == DONE) {
        for (size_t i = 0; i < c.count; i++)
            buf_addview(&out, complete_piece(&c, i));
        CLAIM(!header_find(buf_view(&out), "bcc", &f) ||
              header_find(section, "resent-to", &f));
        for (size_t i = 0; i < rcpts.count; i++)
            CLAIM(rcpts_get(&rcpts, i).len > 0);
    }
    complete_needs_from(section);
    buf_free(&out);
    complete_free(&c);
    rcpts_free(&rcpts);
}

/* The header section of a message that comes from a command, and the
 * envelope of qmail-queue. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view in = exact(data, size);
    struct buf fields = {0};
    struct header_scan scan = {0};
    size_t end;

    qmail_envelope_read(in, "host.test", &fields);
    CLAIM(header_scan(&scan, in, true, &end));
    in.len = end;
    complete(in, false);
    complete(in, true);
    buf_free(&fields);
    free((void *)in.data);
    return 0;
}
