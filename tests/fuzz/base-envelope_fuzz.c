#include "base/envelope.h"
#include "tests/fuzz/fuzz.h"

/* What was read and printed is read again, and printed the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view bytes = exact(data, size);
    struct buf once = {0}, twice = {0};
    struct envelope e, back;
    const char *why = "";

    if (envelope_parse(&e, bytes, &why) == 0) {
        envelope_print(&once, &e);
        CLAIM(envelope_parse(&back, buf_view(&once), NULL) == 0);
        CLAIM(back.rcpt_count == e.rcpt_count && e.rcpt_count > 0);
        envelope_print(&twice, &back);
        CLAIM(view_equal(buf_view(&once), buf_view(&twice)));
        envelope_free(&back);
        envelope_free(&e);
    } else {
        CLAIM(why != NULL);
    }
    buf_free(&once);
    buf_free(&twice);
    free((void *)bytes.data);
    return 0;
}
