#include "base/id.h"
#include "queue/request.h"
#include "tests/fuzz/fuzz.h"

/* A request that changes a message names it, and says so again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"flush", "hold", "release", "cancel",
                                        "discard"};
    struct view in = exact(data, size), line, rest = in;

    while (view_line(&rest, &line)) {
        uint64_t id = 0, again = 0;
        enum request r = request_read(line, &id);
        struct buf b = {0};
        id_text text;

        CLAIM(r <= REQUEST_UNKNOWN);
        if (r >= REQUEST_FLUSH_ID && r <= REQUEST_DISCARD) {
            buf_print(&b, "%s %s", words[r - REQUEST_FLUSH_ID],
                      id_print(id, text));
            CLAIM(request_read(buf_view(&b), &again) == r && again == id);
        }
        buf_free(&b);
    }
    free((void *)in.data);
    return 0;
}
