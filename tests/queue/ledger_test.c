#include "queue/ledger.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/line.h"
#include "base/mem.h"
#include "queue/ledger_read.h"
#include "queue/recover.h"
#include "tests/queue/spool.h"

enum { SIZE = 4096, LINES = 150 };

static struct store store;
static unsigned char public[crypto_sign_PUBLICKEYBYTES];
static unsigned char secret[crypto_sign_SECRETKEYBYTES];

/* What is done to the n-th call from now on that changes a file.  The calls
 * stand in the order of the program: the pool has one thread. */
static atomic_int calls, at_call;
static enum { NOTHING, FAIL, DIE } then;

static bool
struck(void)
{
    if (++calls != at_call || then == NOTHING)
        return false;
    if (then == DIE)
        _exit(99);
    errno = EIO;
    return true;
}

int fdatasync(int fd);
int
fdatasync(int fd)
{
    return struck() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
    return struck() ? -1 : (int)syscall(SYS_fsync, fd);
}

/* One that fails has written its first half. */
ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
    bool fails = struck();
    ssize_t n = syscall(SYS_pwrite64, fd, data, fails ? len / 2 : len, offset);

    if (fails)
        errno = EIO;
    return fails ? -1 : n;
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
    return struck() ? -1
                    : (int)syscall(SYS_linkat, from, old, to, new, flags);
}

int
renameat(int from, const char *old, int to, const char *new)
{
    return struck() ? -1 : (int)syscall(SYS_renameat, from, old, to, new);
}

/* --- a ledger in use --- */

struct line {
    uint64_t where;
    bool synced;
};

/* Shared with a child that dies. */
static struct lines {
    struct line v[2 * LINES];
} *lines;

struct writer {
    struct ledger ledger;
    uv_loop_t loop;
    struct ledger_wait wait;
    int first, next; /* of the batch that waits */
    bool done;
};

static void
on_synced(struct ledger_wait *wait)
{
    struct writer *w = (struct writer *)((char *)wait -
                                         offsetof(struct writer, wait));

    for (int i = w->first; i < w->next; i++)
        lines->v[i].synced = true;
    w->done = true;
}

/* Does not sit out the pause before the next try. */
static void
run(struct writer *w)
{
    while (!w->done) {
        uv_timer_t *again = &w->ledger.again;

        if (uv_is_active((uv_handle_t *)again))
            uv_timer_start(again, again->timer_cb, 0, 0);
        uv_run(&w->loop, UV_RUN_ONCE);
    }
}

static void
append(struct writer *w, int count)
{
    w->done = false;
    w->first = w->next;
    for (; count; count--, w->next++)
        ledger_line(&w->ledger, &lines->v[w->next].where,
                    "test n=%d text=%s", w->next, "some more words here");
    ledger_wait(&w->ledger, &w->wait, on_synced);
    run(w);
}

/* As the manager does at its start. */
static bool
writer_open(struct writer *w, int first)
{
    struct recovered rec;
    const char *why = "";
    bool good = recover(&rec, &store, &why) == 0;

    memset(w, 0, sizeof *w);
    w->next = first;
    uv_loop_init(&w->loop);
    ledger_init(&w->ledger, &w->loop, store.ledger, SIZE, secret);
    good = good && !rec.gap && segment_spare(store.ledger, SIZE) == 0 &&
           ledger_goon(&w->ledger, rec.base, rec.position, &rec.chain,
                       rec.fresh) == 0;
    recovered_free(&rec);
    return good;
}

static void
writer_close(struct writer *w)
{
    uv_run(&w->loop, UV_RUN_NOWAIT);
    while (w->ledger.busy || w->ledger.sparing)
        uv_run(&w->loop, UV_RUN_ONCE);
    ledger_close(&w->ledger);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    uv_loop_close(&w->loop);
}

/* Batches of 1 to 9 lines up to line end, each waited for. */
static void
fill_up(struct writer *w, int end)
{
    while (w->next < end) {
        int count = 1 + w->next * 7 % 9;

        if (w->next % 4 == 3)
            ledger_sign(&w->ledger);
        append(w, w->next + count > end ? end - w->next : count);
    }
}

static void
wipe(void)
{
    struct segments s;
    char name[SEGMENT_NAME + 1];

    spool_must(segments_list(store.ledger, &s) == 0, "list the ledger");
    for (size_t i = 0; i < s.count; i++) {
        segment_name(s.bases[i], name);
        file_remove(store.ledger, name);
    }
    segments_free(&s);
    file_remove(store.ledger, "spare");
    file_remove(store.ledger, "spare.new");
    file_remove(store.ledger, "head");
    memset(lines, 0, sizeof *lines);
}

/* --- what a reader finds --- */

struct found {
    unsigned count, twice, order, elsewhere, missing, unasked, signatures,
        bad_signatures, segments;
    uint64_t position;
    bool torn;
    int result;
};

static void
one(struct found *f, const struct ledger_line *l, bool *seen, int *last)
{
    uint64_t n;

    if (!line_getnumber(l->text, "n", &n) || n >= 2 * LINES) {
        f->unasked++;
        return;
    }
    f->count++;
    f->twice += seen[n];
    f->order += (int)n <= *last;
    f->elsewhere += lines->v[n].synced && lines->v[n].where != l->position;
    seen[n] = true;
    *last = (int)n;
}

static void
check_signature(struct found *f, const struct ledger_line *l,
                const struct chain *before)
{
    struct buf sig = {0};
    uint64_t position;

    f->signatures++;
    if (!line_getnumber(l->text, "position", &position) ||
        position != l->position || !line_get(l->text, "sig", &sig) ||
        !chain_signed(before, position, public, buf_view(&sig)))
        f->bad_signatures++;
    buf_free(&sig);
}

static struct found
look(void)
{
    bool seen[2 * LINES] = {false};
    struct ledger_reader r;
    struct ledger_line l;
    struct chain before = {{0}};
    struct found f = {0};
    int last = -1;

    f.result = ledger_readopen(&r, store.ledger, 0, NULL);
    while (f.result == 0 && (f.result = ledger_next(&r, &l)) > 0) {
        if (ledger_is(&l, "test"))
            one(&f, &l, seen, &last);
        else if (ledger_is(&l, "sign"))
            check_signature(&f, &l, &before);
        else
            f.segments += ledger_is(&l, "segment");
        before = r.chain;
        f.result = 0;
    }
    f.torn = r.torn;
    f.position = r.position;
    ledger_readclose(&r);
    for (int i = 0; i < 2 * LINES; i++)
        f.missing += lines->v[i].synced && !seen[i];
    return f;
}

static bool
clean(const struct found *f, unsigned count)
{
    return f->result == 0 && f->count == count && !f->twice && !f->order &&
           !f->elsewhere && !f->missing && !f->unasked && !f->bad_signatures;
}

static void
show(const struct found *f)
{
    printf("# result %d, lines %u, twice %u, out of order %u, elsewhere %u, "
           "missing %u, bad signatures %u\n", f->result, f->count, f->twice,
           f->order, f->elsewhere, f->missing, f->bad_signatures);
}

/* --- the tests --- */

static void
ordinary(void)
{
    struct writer w;
    struct found f;
    uint64_t syncs;

    wipe();
    ok(writer_open(&w, 0), "a ledger begins where nothing is");
    fill_up(&w, LINES);
    syncs = w.ledger.syncs;
    writer_close(&w);
    f = look();
    if (!ok(clean(&f, LINES) && !f.torn, "what was waited for is read back, "
            "each line at the position it was said to have"))
        show(&f);
    ok(f.segments >= LINES * 100 / SIZE, "over several segments (%u)",
       f.segments);
    ok(f.signatures >= f.segments - 1 && f.bad_signatures == 0,
       "each of them ends signed, and all %u signatures verify",
       f.signatures);
    ok(syncs < LINES / 2, "lines that wait together share a sync (%ju)",
       (uintmax_t)syncs);
}

static void
one_sync(void)
{
    struct writer w;
    int i;

    wipe();
    writer_open(&w, 0);
    append(&w, 1);
    calls = 0;
    for (i = 1; i <= 20; i++)
        ledger_line(&w.ledger, &lines->v[i].where, "test n=%d", i);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    w.done = false;
    w.next = 21;
    ledger_wait(&w.ledger, &w.wait, on_synced);
    run(&w);
    ok(w.ledger.syncs == 2, "20 lines cost one write and one sync");
    writer_close(&w);
}

static void
goes_on(void)
{
    struct writer w;
    struct found f;
    uint64_t before, base;

    wipe();
    writer_open(&w, 0);
    append(&w, 5);
    base = w.ledger.at.base;
    writer_close(&w);
    before = look().position;
    ok(writer_open(&w, 5) && w.ledger.at.base == base &&
       w.ledger.at.position == before, "after a stop it goes on in the same "
       "segment, behind the last line");
    append(&w, 5);
    writer_close(&w);
    f = look();
    ok(clean(&f, 10) && f.segments == 1, "and all lines are one chain");
}

/* Overwrites a byte of the first segment. */
static void
poke(uint64_t at, char byte)
{
    char name[SEGMENT_NAME + 1];
    int fd;

    segment_name(0, name);
    fd = openat(store.ledger, name, O_WRONLY | O_CLOEXEC);
    spool_must(fd >= 0 && file_pwrite(fd, &byte, 1, at) == 0, "poke");
    file_close(&fd);
}

static char
peek(uint64_t at)
{
    char name[SEGMENT_NAME + 1], byte = 0;
    int fd;

    segment_name(0, name);
    fd = openat(store.ledger, name, O_RDONLY | O_CLOEXEC);
    spool_must(fd >= 0 && file_pread(fd, &byte, 1, at) == 0, "peek");
    file_close(&fd);
    return byte;
}

/* A crash while the last line was being written. */
static void
torn_tail(void)
{
    struct writer w;
    struct found f;
    uint64_t end;

    wipe();
    writer_open(&w, 0);
    append(&w, 3);
    writer_close(&w);
    f = look();
    end = f.position;
    ok(!f.torn, "a blank tail is no torn one");
    for (uint64_t i = 0; i < 40; i++)
        poke(end + i, "2026-11-22T21:20:00.123Z test n=3 text=so"[i]);
    f = look();
    ok(f.result == 0 && f.count == 3 && f.torn && f.position == end,
       "a torn line ends the ledger before it");
    ok(writer_open(&w, 3), "the ledger is taken up again");
    append(&w, 3);
    writer_close(&w);
    f = look();
    if (!ok(clean(&f, 6) && f.segments == 2, "and goes on in a new segment"))
        show(&f);
}

static void
flipped(void)
{
    struct writer w;
    struct found f;
    uint64_t second, third;
    unsigned taken = 0;

    wipe();
    writer_open(&w, 0);
    append(&w, 3);
    fill_up(&w, LINES);
    writer_close(&w);
    second = lines->v[1].where;
    third = lines->v[2].where;
    for (uint64_t at = second; at < third; at++) {
        char was = peek(at);

        poke(at, (char)(was ^ 1));
        f = look();
        taken += f.result != -EBADMSG || f.count != 1 || f.position != second;
        poke(at, was);
    }
    ok(taken == 0, "a changed byte shows, and where (%u did not)", taken);
    f = look();
    ok(clean(&f, LINES), "as it was it is read again");
}

static void
gone(void)
{
    struct writer w;
    struct segments s;
    char name[SEGMENT_NAME + 1], aside[] = "aside";
    struct found f;

    wipe();
    writer_open(&w, 0);
    fill_up(&w, LINES);
    writer_close(&w);
    spool_must(segments_list(store.ledger, &s) == 0 && s.count > 3,
               "segments");
    segment_name(s.bases[1], name);
    renameat(store.ledger, name, store.ledger, aside);
    f = look();
    ok(f.result == -EBADMSG, "a segment that is missing in the middle shows");
    renameat(store.ledger, aside, store.ledger, name);
    segments_free(&s);
}

/* The reader begins at a checkpoint, in any segment. */
static void
from_checkpoint(void)
{
    struct writer w;
    struct ledger_reader r;
    struct ledger_line l;
    struct chain chain;
    uint64_t position, n = 0;
    unsigned count = 0;

    wipe();
    writer_open(&w, 0);
    fill_up(&w, 90);
    position = w.ledger.at.position;
    chain = w.ledger.at.chain;
    fill_up(&w, LINES);
    writer_close(&w);
    ok(ledger_readopen(&r, store.ledger, position, &chain) == 0 &&
       ledger_next(&r, &l) == 1, "reading begins at any line");
    do {
        count += line_getnumber(l.text, "n", &n);
    } while (ledger_next(&r, &l) == 1);
    ok(count == LINES - 90 && n == LINES - 1, "and has all that follow");
    ledger_readclose(&r);
    chain.hash[0] ^= 1;
    ok(ledger_readopen(&r, store.ledger, position, &chain) == 0 &&
       ledger_next(&r, &l) == -EBADMSG, "with another hash nothing fits");
    ledger_readclose(&r);
}

/* --- failures and deaths at every call --- */

static int
count_calls(void)
{
    struct writer w;

    wipe();
    then = NOTHING;
    calls = 0;
    writer_open(&w, 0);
    fill_up(&w, LINES);
    writer_close(&w);
    return calls;
}

/* Where the manager's start itself meets the failure it is started anew. */
static void
fail_at(int n, struct found *f)
{
    struct writer w;

    wipe();
    calls = 0;
    at_call = n;
    then = FAIL;
    if (!writer_open(&w, 0)) {
        writer_close(&w);
        writer_open(&w, 0);
    }
    fill_up(&w, LINES);
    writer_close(&w);
    then = NOTHING;
    *f = look();
}

static void
failures(int count)
{
    unsigned bad = 0, unclean = 0;

    for (int n = 1; n <= count; n++) {
        struct found f;
        struct writer w;

        fail_at(n, &f);
        if (!clean(&f, LINES)) {
            if (bad++ < 5) {
                printf("# call %d fails:\n", n);
                show(&f);
            }
            continue;
        }
        /* Another life behind it. */
        if (!writer_open(&w, LINES)) {
            unclean++;
            writer_close(&w);
            continue;
        }
        append(&w, 3);
        writer_close(&w);
        f = look();
        unclean += !clean(&f, LINES + 3);
    }
    ok(bad == 0, "whichever of %d calls fails, the reader finds what was "
       "acknowledged and nothing else (%u times not)", count, bad);
    ok(unclean == 0, "and the next manager goes on behind it (%u times not)",
       unclean);
}

/* All lines that were acknowledged before the death are there; of the others
 * what was written may be. */
static bool
die_at(int n, struct found *f)
{
    struct writer w;
    int status, next = LINES;
    pid_t pid;

    wipe();
    fflush(stdout);
    if ((pid = fork()) == 0) {
        calls = 0;
        at_call = n;
        then = DIE;
        writer_open(&w, 0);
        fill_up(&w, LINES);
        _exit(0);
    }
    spool_must(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "child");
    *f = look();
    if (f->missing || f->twice || f->order || f->elsewhere ||
        !writer_open(&w, next))
        return false;
    fill_up(&w, LINES + 40);
    writer_close(&w);
    *f = look();
    return f->result == 0 && !f->missing && !f->twice && !f->order &&
           !f->elsewhere && !f->bad_signatures;
}

static void
deaths(int count)
{
    unsigned bad = 0;

    for (int n = 1; n <= count; n++) {
        struct found f;

        if (!die_at(n, &f) && bad++ < 5) {
            printf("# dies at call %d:\n", n);
            show(&f);
        }
    }
    ok(bad == 0, "whichever of %d calls it dies at, what was acknowledged is "
       "found and the next manager goes on (%u times not)", count, bad);
}

int
main(void)
{
    int count;

    setenv("UV_THREADPOOL_SIZE", "1", 1);
    if (sodium_init() < 0)
        return 2;
    crypto_sign_keypair(public, secret);
    lines = mmap(NULL, sizeof *lines, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    spool_make(&store);
    if (!freopen("/dev/null", "w", stderr)) /* the log of many failures */
        return 2;
    deaths(count = count_calls());
    ordinary();
    one_sync();
    goes_on();
    torn_tail();
    flipped();
    gone();
    from_checkpoint();
    failures(count);
    store_close(&store);
    return tap_end();
}
