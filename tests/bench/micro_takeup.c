/* micro_takeup - a queue file read into memory, as the manager takes it up
 *
 * usage: micro_takeup N RECIPIENTS
 * store_load and queued_free of one file of 4 KiB and so many recipients, at
 * most 99: header, envelope, states and slot are checked, the content is not
 * read.  What load_one does besides, in the pool, is two calls of time(). */
#include "tests/bench/micro.h"
#include "tests/queue/spool.h"

enum { BYTES = 4096, RCPTS_MAX = 99, COUNT_MAX = 1000000 };

static void
make_file(const struct store *s, unsigned rcpts)
{
    static char text[RCPTS_MAX][32], content[BYTES];
    const char *list[RCPTS_MAX + 1] = {NULL};
    struct sample sample = {.content = view_make(content, BYTES),
                            .rcpts = list, .slot.attempts = 1};

    memset(content, 'x', BYTES);
    for (unsigned i = 0; i < rcpts; i++) {
        snprintf(text[i], sizeof text[i], "user%u@domain%u.test", i, i);
        list[i] = text[i];
    }
    sample_put(s, PLACE_TODO, &sample);
}

int
main(int argc, char **argv)
{
    unsigned n = micro_number(argc, argv, 1, COUNT_MAX);
    unsigned rcpts = micro_number(argc, argv, 2, RCPTS_MAX);
    struct queued q;
    struct store s;
    const char *why;

    micro_must(sodium_init() >= 0, "sodium_init");
    spool_make(&s);
    make_file(&s, rcpts);
    while (n--) {
        micro_must(store_load(&s, PLACE_TODO, SAMPLE_ID, &q, &why) == 0 &&
                       q.envelope.rcpt_count == rcpts, "store_load");
        queued_free(&q);
    }
    store_close(&s);
    return 0;
}
