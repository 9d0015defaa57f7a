#include "base/line.h"
#include "tests/fuzz/fuzz.h"

/* Any value that a line was made of is what is read from it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view all = exact(data, size);
    struct buf line = {0}, value = {0};
    uint64_t n;

    line_get(all, "key", &value);
    line_getnumber(all, "key", &n);
    buf_clear(&value);
    if (memchr(all.data, 0, all.len) == NULL) {
        line_print(&line, "event a=%d v=%.*s key=%d", 1, (int)size, all.data,
                   7);
        CLAIM(memchr(line.data, '\n', line.len) == NULL);
        CLAIM(line_get(buf_view(&line), "v", &value));
        CLAIM(view_equal(buf_view(&value), all));
        CLAIM(line_getnumber(buf_view(&line), "key", &n) && n == 7);
    }
    buf_free(&line);
    buf_free(&value);
    free((void *)all.data);
    return 0;
}
