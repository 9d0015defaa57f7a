#include "inject/rcpts.h"

#include <errno.h>

#include "base/envelope.h"
#include "tests/tap.h"

int
main(void)
{
    struct rcpts r = {0};
    struct buf b = {0};
    bool good = true;

    rcpts_add(&r, view_of("ann@x.test"));
    rcpts_add(&r, view_of("bob@x.test"));
    rcpts_add(&r, view_of("ann@x.test"));
    rcpts_add(&r, view_of("Ann@x.test"));
    ok(r.count == 3 && view_is(rcpts_get(&r, 0), "ann@x.test") &&
           view_is(rcpts_get(&r, 2), "Ann@x.test"),
       "each address stands once, byte by byte, in the order they came");
    for (int i = 3; i < ENVELOPE_RCPT_MAX; i++) {
        buf_clear(&b);
        buf_print(&b, "u%d@x.test", i);
        good = good && rcpts_add(&r, buf_view(&b)) == 0;
    }
    ok(good && r.count == ENVELOPE_RCPT_MAX, "100,000 of them");
    ok(rcpts_add(&r, view_of("one@more.test")) == -E2BIG, "but no more");
    ok(rcpts_add(&r, view_of("u77777@x.test")) == 0 &&
           r.count == ENVELOPE_RCPT_MAX,
       "one that is there is no more");
    rcpts_free(&r);
    ok(r.count == 0 && rcpts_add(&r, view_of("a")) == 0 && r.count == 1,
       "a freed list is an empty one");
    rcpts_free(&r);
    buf_free(&b);
    return tap_end();
}
