#include "base/envelope.h"
#include "inject/qmail_envelope.h"
#include "tests/fuzz/fuzz.h"

/* What is taken is an envelope, and nobody is left out. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view in = exact(data, size);
    struct buf fields = {0};
    struct envelope e;
    const char *why;
    size_t named = 0;
    int r = qmail_envelope_read(in, "host.test", &fields);

    CLAIM(r == 0 || r == 11 || r == 31 || r == 54 || r == 91);
    if (r == 0) {
        const char *at = memchr(in.data, 0, in.len), *end = in.data + in.len;

        while (at + 1 < end && at[1] == 'T') {
            named++;
            at = memchr(at + 1, 0, (size_t)(end - at - 1));
        }
        CLAIM(envelope_parse(&e, buf_view(&fields), &why) == 0);
        CLAIM(e.rcpt_count == named && named > 0);
        envelope_free(&e);
    }
    buf_free(&fields);
    free((void *)in.data);
    return 0;
}
