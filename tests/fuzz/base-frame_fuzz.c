#include "base/frame.h"
#include "tests/fuzz/fuzz.h"

/* Frames taken and put again are the bytes they came from. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view all = exact(data, size), in = all, payload;
    struct buf out = {0};
    char kind;

    while (frame_take(&in, &kind, &payload) > 0) {
        CLAIM(payload.len <= FRAME_MAX);
        frame_put(&out, kind, payload);
    }
    CLAIM(out.len + in.len == size);
    CLAIM(out.len == 0 || memcmp(out.data, all.data, out.len) == 0);
    buf_free(&out);
    free((void *)all.data);
    return 0;
}
