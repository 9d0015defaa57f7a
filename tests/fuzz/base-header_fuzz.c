#include "base/header.h"
#include "tests/fuzz/fuzz.h"

/* The fields lie one behind the other, and a section that comes in pieces
 * ends where it ends in one. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view all = exact(data, size), v = all;
    struct header_scan whole = {0}, pieces = {0};
    struct header_field f;
    const char *at = all.data;
    size_t end = 0, later = 0;

    while (header_next(&v, &f)) {
        CLAIM(f.whole.data == at && f.whole.len > 0);
        CLAIM(f.name.len > 0 && f.name.len + f.body.len < f.whole.len);
        at += f.whole.len;
    }
    CLAIM(at + v.len == all.data + all.len);
    header_find(all, "subject", &f);
    CLAIM(header_scan(&whole, all, true, &end) && end <= size);
    for (size_t n = 1; n <= size; n++)
        if (header_scan(&pieces, view_make(all.data, n), n == size, &later))
            break;
    CLAIM(size == 0 || later == end);
    free((void *)all.data);
    return 0;
}
