#include "queue/incoming.h"

#include <dirent.h>
#include <stdint.h>

#include "base/job.h"
#include "tests/queue/spool.h"

static struct store store;
static struct todo todo;

static struct envelope_rcpt rcpts[] = {{.address = {"bob@example.org", 15}},
                                       {.address = {"cyd@example.net", 15}}};
static struct envelope envelope = {.sender = {"ann@example.org", 15},
                                   .rcpt_count = 2, .rcpts = rcpts};

static void
open_todo(void)
{
    todo.dir = store.dirs[PLACE_TODO];
    todo.proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    todo.list = true;
}

/* Hands in text in pieces of step bytes, each written out at once if spill
 * is set; the file as it is then found in todo/. */
static int
hand_in(struct view text, size_t step, bool spill, struct queued *q)
{
    struct incoming in;
    const char *why;
    uint64_t id;
    int r = 0;

    incoming_init(&in, &todo);
    incoming_begin(&in);
    while (r == 0 && text.len) {
        struct view part = view_make(text.data, text.len < step ? text.len
                                                                : step);

        buf_addview(&in.content, part);
        text = view_from(text, part.len);
        if (spill)
            r = incoming_spill(&in);
    }
    if (r == 0 && (r = incoming_write(&in, &envelope, 1795384800)) == 0)
        r = incoming_link(&in);
    id = in.id;
    incoming_free(&in);
    return r < 0 ? r : store_load(&store, PLACE_TODO, id, q, &why);
}

static void
forget(struct queued *q)
{
    store_unlink(&store, PLACE_TODO, q->id);
    queued_free(q);
}

static unsigned
names(void)
{
    struct dirent *d;
    unsigned n = 0;
    int fd = openat(todo.dir, ".", O_RDONLY | O_DIRECTORY);
    DIR *dir = fdopendir(fd);

    spool_must(dir != NULL, "list todo/");
    while ((d = readdir(dir)))
        n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    closedir(dir);
    return n;
}

static void
whole(void)
{
    struct queued q;

    ok(hand_in(view_of("Subject: x\n\ntext\n"), 100, false, &q) == 0,
       "what was handed in is a good queue file");
    ok(q.envelope.rcpt_count == 2 &&
       view_is(q.envelope.rcpts[1].address, "cyd@example.net") &&
       view_is(q.envelope.sender, "ann@example.org"), "of that envelope");
    ok(q.slot_ok && q.slot.next == 1795384800 && q.slot.attempts == 1 &&
       !q.slot.hold, "with the slot of a first failure");
    ok(q.states[0].state == OWED && q.states[1].state == OWED,
       "all are owed");
    ok(store_verify(&q) == 0, "the content agrees with its digest");
    ok(id_ms(q.id) == q.header.birth_ms && q.header.birth_ms > 0,
       "the id tells the time of birth");
    forget(&q);
    envelope.hold = view_of("to be looked at");
    ok(hand_in(view_of("x"), 1, false, &q) == 0 && q.slot.hold,
       "one that is accepted on hold says so in its slot");
    envelope.hold = view_of("");
    forget(&q);
    ok(names() == 0, "nothing else was left in todo/");
}

static void
same_file(struct view text, size_t step, const char *name)
{
    struct queued plain, spilled;
    bool good;

    good = hand_in(text, SIZE_MAX, false, &plain) == 0 &&
           hand_in(text, step, true, &spilled) == 0;
    ok(good && store_verify(&plain) == 0 && store_verify(&spilled) == 0 &&
       digest_equal(plain.header.content_digest,
                    spilled.header.content_digest) &&
       plain.header.content_length == text.len &&
       spilled.header.content_length == text.len &&
       plain.header.facts == spilled.header.facts, "%s", name);
    forget(&plain);
    forget(&spilled);
}

static void
spills(void)
{
    struct buf b = {0};

    same_file(view_of(""), 1, "an empty message is one all the same");
    same_file(view_of("a: b\r\n\r\nc\r\n"), 1,
              "one written byte by byte is the same as one written at once");
    for (unsigned i = 0; b.len < 300000; i++)
        buf_print(&b, "%u %c\n", i, (int)(i % 256));
    same_file(buf_view(&b), 4096, "so is a larger one in parts");
    same_file(buf_view(&b), 65537, "of any size");
    buf_free(&b);
}

/* A line of n bytes between two words. */
static struct view
line_of(struct buf *b, const char *before, size_t n, const char *after)
{
    buf_clear(b);
    buf_addstr(b, before);
    while (n--)
        buf_addbyte(b, 'x');
    buf_addstr(b, after);
    return buf_view(b);
}

static void
fact(struct view text, uint32_t want, const char *name)
{
    struct queued q;
    uint32_t got[3];

    /* However the bytes are cut into pieces. */
    for (int i = 0; i < 3; i++) {
        spool_must(hand_in(text, i == 2 ? 1 : 7, i > 0, &q) == 0, name);
        got[i] = q.header.facts;
        forget(&q);
    }
    ok(got[0] == want && got[1] == want && got[2] == want,
       "%s (%x, want %x)", name, got[0], want);
}

static void
facts(void)
{
    struct buf b = {0};

    fact(view_of("Subject: x\n\ntext\n"), 0, "a plain message has no facts");
    fact(view_of("Subject: x\r\n\r\ntext\r\n"), 0, "nor has one of CRLF");
    fact(view_of(""), 0, "nor an empty one");
    fact(view_of("Subject: \xc3\xa4\n\ntext\n"), JOB_8BIT_HEADER,
         "8-bit in the header is seen");
    fact(view_of("Subject: x\n\n\xc3\xa4\n"), JOB_8BIT_BODY,
         "8-bit in the body is another fact");
    fact(view_of("Subject: x\r\n\r\n\xff"), JOB_8BIT_BODY,
         "also behind an empty line of CRLF");
    fact(view_of("\xff\n\n\xff"), JOB_8BIT_HEADER | JOB_8BIT_BODY, "or both");
    fact(view_of("\n\xff"), JOB_8BIT_BODY, "a header may be empty");
    fact(view_make("a: b\n\n\0\n", 8), JOB_NUL, "a NUL is seen");
    fact(view_of("a: b\n\nc\rd\n"), JOB_BARE_CR, "a CR within a line is seen");
    fact(view_of("a: b\n\nc\r\r\n"), JOB_BARE_CR, "so is one before CRLF");
    fact(view_of("a: b\n\nc\r"), JOB_BARE_CR, "so is one at the very end");
    fact(line_of(&b, "a: b\n\n", 998, "\n"), 0, "998 bytes are a line");
    fact(line_of(&b, "a: b\n\n", 998, "\r\n"), 0, "its CRLF does not count");
    fact(line_of(&b, "a: b\n\n", 999, "\n"), JOB_LONG_LINE,
         "999 are too many (RFC 5321 4.5.3.1.6)");
    fact(line_of(&b, "a: b\n\n", 999, "\r\n"), JOB_LONG_LINE,
         "also with CRLF");
    fact(line_of(&b, "", 999, ""), JOB_LONG_LINE, "also without an end");
    fact(line_of(&b, "", 998, ""), 0, "and 998 are not");
    buf_free(&b);
}

static void
dots(void)
{
    struct incoming in;
    struct queued q;

    todo.dots = true;
    ok(hand_in(view_of("a: b\n\ntext\n"), 3, true, &q) == 0 &&
       store_verify(&q) == 0, "without nameless files it is the same file");
    forget(&q);
    ok(names() == 0, "and no dot name is left");
    incoming_init(&in, &todo);
    buf_addstr(&in.content, "x");
    ok(incoming_spill(&in) == 0 && names() == 1,
       "while it comes it has a dot name");
    incoming_free(&in);
    ok(names() == 0, "which goes when the caller goes");
    incoming_init(&in, &todo);
    buf_addstr(&in.content, "x");
    spool_must(incoming_spill(&in) == 0, "spill");
    in.id = SAMPLE_ID;
    in.birth_ms = 1795384800000;
    ok(incoming_write(&in, &envelope, 0) == 0 && incoming_link(&in) == 0 &&
       store_has(&store, PLACE_TODO, SAMPLE_ID) == 1,
       "an id may be chosen after that");
    incoming_unlink(&in);
    incoming_free(&in);
    todo.dots = false;
    incoming_init(&in, &todo);
    buf_addstr(&in.content, "x");
    ok(incoming_spill(&in) == 0 && names() == 0,
       "a nameless file has none at all");
    incoming_free(&in);
}

static void
chosen(bool use_dots)
{
    char dot[ID_LEN + 2] = ".";
    struct incoming in;
    const char *why;
    struct queued q;

    id_print(SAMPLE_ID, dot + 1);
    todo.dots = use_dots;
    /* What a crash left of an earlier one is not this one. */
    spool_put(todo.dir, dot, view_of("the beginning of it"));
    for (int i = 0; i < 2; i++) {
        incoming_init(&in, &todo);
        in.id = SAMPLE_ID;
        in.birth_ms = 1795384800000;
        buf_addstr(&in.content, i ? "the second" : "the first");
        ok(incoming_write(&in, &envelope, 0) == 0 &&
           incoming_link(&in) == (i ? -EEXIST : 0),
           i ? "one that is there is never replaced"
             : "an id may be chosen");
        incoming_free(&in);
    }
    ok(store_load(&store, PLACE_TODO, SAMPLE_ID, &q, &why) == 0 &&
       q.header.content_length == strlen("the first"), "and stays");
    queued_free(&q);
    incoming_init(&in, &todo);
    in.id = SAMPLE_ID;
    incoming_unlink(&in);
    incoming_free(&in);
    unlinkat(todo.dir, dot, 0);
    ok(names() == 0, "the name can be taken away again");
    todo.dots = false;
}

static void
orders(void)
{
    struct envelope e = envelope;
    struct incoming in;
    bool got[4];

    for (int i = 0; i < 4; i++) {
        todo.orders = i & 1;
        e.chosenid = i & 2 ? SAMPLE_ID : 0;
        incoming_init(&in, &todo);
        incoming_begin(&in);
        spool_must(incoming_write(&in, &e, 0) == 0, "write");
        got[i] = incoming_ordered(&in);
        incoming_free(&in);
    }
    todo.orders = false;
    ok(!got[0] && got[1], "a name comes before its sync where the file "
       "system orders names and contents");
    ok(!got[2] && !got[3], "but not one that the manager looks for");
}

static int
by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void
crowd(void)
{
    enum { MANY = 100000 };
    static uint64_t ids[MANY];
    struct incoming in;
    bool same = false;

    for (int i = 0; i < MANY; i++) {
        incoming_init(&in, &todo);
        incoming_begin(&in);
        ids[i] = in.id;
        incoming_free(&in);
    }
    qsort(ids, MANY, sizeof *ids, by_value);
    for (int i = 1; i < MANY; i++)
        same = same || ids[i] == ids[i - 1];
    ok(!same, "many in a millisecond have an id each");
}

static void
failures(void)
{
    struct todo nowhere = todo;
    struct incoming in;

    nowhere.dir = -1;
    incoming_init(&in, &nowhere);
    buf_addstr(&in.content, "x");
    ok(incoming_spill(&in) == -EBADF && incoming_write(&in, &envelope, 0) < 0,
       "an errno is told");
    incoming_free(&in);
    ok(names() == 0, "and leaves nothing");
}

int
main(void)
{
    spool_make(&store);
    open_todo();
    whole();
    spills();
    facts();
    dots();
    chosen(false);
    chosen(true);
    orders();
    crowd();
    failures();
    close(todo.proc);
    store_close(&store);
    return tap_end();
}
