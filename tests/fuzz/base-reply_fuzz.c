#include "base/smtp.h"
#include "tests/fuzz/fuzz.h"

/* Replies mean the same, whether they come byte by byte or at once. */
static void
take(struct view all, size_t step, struct buf *out)
{
    struct smtp_reply reply = {0};
    int r = 0;

    while (all.len && r >= 0) {
        struct view in = view_make(all.data, all.len < step ? all.len : step);

        all = view_from(all, in.len);
        while ((r = smtp_reply_take(&reply, &in)) > 0) {
            char code[12];
            struct view argument;

            CLAIM(reply.code >= 200 && reply.code <= 599);
            CLAIM(reply.text.len <= SMTP_REPLY_MAX);
            smtp_reply_status(&reply, verdict_of_smtp(reply.code), code);
            buf_print(out, "%d %u %s ", reply.code, reply.lines, code);
            smtp_reply_words(&reply, out);
            smtp_extension(buf_view(&reply.text), &argument);
            smtp_reply_clear(&reply);
        }
    }
    buf_print(out, "end %d", r);
    smtp_reply_free(&reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view all = exact(data, size);
    struct buf once = {0}, pieces = {0};

    take(all, size ? size : 1, &once);
    take(all, 1, &pieces);
    CLAIM(view_equal(buf_view(&once), buf_view(&pieces)));
    buf_free(&once);
    buf_free(&pieces);
    free((void *)all.data);
    return 0;
}
