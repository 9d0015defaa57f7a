/* micro_enqueue - messages written to todo/, without the loop and the pool
 *
 * usage: micro_enqueue N BYTES RECIPIENTS
 * What godwit-enqueue does for each once all of its frames are here: the
 * envelope is checked, content and envelope are hashed, header, slot and
 * states made, the file written, synced and named.  The sync of the folder
 * and the answer are left out. */
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "queue/incoming.h"
#include "tests/bench/micro.h"

enum { BYTES_MAX = 64 << 20, COUNT_MAX = 1000000, NEXT = 1800000000 };

static struct todo
open_todo(void)
{
    struct todo t = {.list = true};

    t.dir = open(".", O_RDONLY | O_DIRECTORY);
    t.proc = open("/proc/self/fd", O_PATH | O_DIRECTORY);
    micro_must(t.dir >= 0 && t.proc >= 0, "open");
    return t;
}

static void
make_content(struct buf *b, size_t bytes)
{
    buf_addstr(b, "From: sender@src.test\nSubject: micro\n\n");
    while (b->len < bytes)
        buf_addstr(b, "A line of text as long as those that people write, "
                      "some 70 bytes long.\n");
    b->len = bytes;
}

static void
make_envelope(struct buf *b, unsigned rcpts)
{
    struct buf rcpt = {0};

    envelope_put(b, TAG_SENDER, view_of("sender@src.test"));
    for (unsigned i = 0; i < rcpts; i++) {
        buf_clear(&rcpt);
        buf_print(&rcpt, "user%u@domain%u.test", i, i);
        envelope_put(b, TAG_RCPT, buf_view(&rcpt));
    }
    buf_free(&rcpt);
}

static void
enqueue(const struct todo *todo, struct view content, struct view fields)
{
    struct incoming in;
    struct envelope e;

    incoming_init(&in, todo);
    incoming_begin(&in);
    buf_addview(&in.content, content);
    buf_addview(&in.envelope, fields);
    micro_must(envelope_parse(&e, buf_view(&in.envelope), NULL) == 0,
               "envelope_parse");
    e.caller = view_of("uid=1000 pid=12345");
    micro_must(incoming_write(&in, &e, NEXT) == 0 &&
               file_sync(in.fd) == 0 && incoming_link(&in) == 0, "incoming");
    envelope_free(&e);
    incoming_free(&in);
}

int
main(int argc, char **argv)
{
    unsigned n = micro_number(argc, argv, 1, COUNT_MAX);
    struct buf content = {0}, fields = {0};
    struct todo todo = open_todo();

    micro_must(sodium_init() >= 0, "sodium_init");
    make_content(&content, micro_number(argc, argv, 2, BYTES_MAX));
    make_envelope(&fields, micro_number(argc, argv, 3, ENVELOPE_RCPT_MAX));
    while (n--)
        enqueue(&todo, buf_view(&content), buf_view(&fields));
    buf_free(&content);
    buf_free(&fields);
    return 0;
}
