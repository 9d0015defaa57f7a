#include "base/frame.h"

#include <errno.h>

#include "tests/tap.h"

int
main(void)
{
    struct buf b = {0}, big = {0};
    struct view in, payload;
    char kind;

    frame_put(&b, 'E', view_of("hello"));
    frame_put(&b, '.', view_of(""));
    in = buf_view(&b);
    ok(frame_take(&in, &kind, &payload) == 1 && kind == 'E' &&
           view_is(payload, "hello"),
       "a frame is taken");
    ok(frame_take(&in, &kind, &payload) == 1 && kind == '.' &&
           payload.len == 0 && in.len == 0,
       "and the empty one behind it");
    ok(frame_take(&in, &kind, &payload) == 0, "nothing needs more");
    for (size_t i = 0; i < 10; i++) {
        in = view_make(b.data, i);
        if (frame_take(&in, &kind, &payload) != 0 || in.len != i) {
            ok(false, "cut at %zu", i);
            break;
        }
    }
    ok(true, "a part of a frame needs more and is not taken");

    for (int i = 0; i < FRAME_MAX; i++)
        buf_addbyte(&big, 'x');
    buf_clear(&b);
    frame_put(&b, 'D', buf_view(&big));
    in = buf_view(&b);
    ok(frame_take(&in, &kind, &payload) == 1 && payload.len == FRAME_MAX,
       "the longest frame");
    in = view_make("\1\0\1\0D", 5);
    ok(frame_take(&in, &kind, &payload) == -EMSGSIZE,
       "one byte more is refused before it comes");
    buf_free(&b);
    buf_free(&big);
    return tap_end();
}
