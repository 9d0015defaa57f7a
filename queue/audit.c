#include "queue/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/line.h"
#include "base/mem.h"
#include "queue/commands.h"
#include "queue/ledger_read.h"

enum {
    LOOKS = 4, /* what does not add up is looked at thrice again: the manager
                  flushes its lines each second */
};

static void
mismatch(struct audit *a, const struct account_fault *f)
{
    a->mismatches++;
    a->mismatch(a->data, f);
}

static void
on_fault(void *data, const struct account_fault *f)
{
    mismatch(data, f);
}

static void
missing(struct audit *a, uint64_t position, uint64_t signed_position,
        const char *why)
{
    a->ledger_faults++;
    mismatch(a, &(struct account_fault){.rcpt = -1, .position = position,
                                        .other = signed_position,
                                        .why = why});
}

static void
ledger_fault(struct audit *a, uint64_t position, const char *why)
{
    missing(a, position, 0, why);
}

struct listing {
    struct audit *audit;
    enum place place;
};

static bool
on_name(void *data, uint64_t id)
{
    const struct listing *l = data;

    account_listed(&l->audit->account, l->place, id);
    return true;
}

/* In the order in which a message moves: none slips through. */
static int
list(struct audit *a)
{
    static const enum place order[] = {PLACE_TODO, PLACE_INFO, PLACE_BROKEN};

    account_relist(&a->account);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        struct listing l = {a, order[i]};
        size_t foreign;
        int r = store_list(&a->look->store, order[i], on_name, &l, &foreign);

        if (r < 0)
            return look_fail(a->look, place_name(order[i]), r);
    }
    return 0;
}

/* A signature covers the chain before its own line. */
static void
check_sign(struct audit *a, const struct ledger_line *l,
           const struct chain *before)
{
    struct buf sig = {0};
    uint64_t position;

    if (!line_getnumber(l->text, "position", &position) ||
        position != l->position)
        ledger_fault(a, l->position, "a signature for another position");
    else if (!line_get(l->text, "sig", &sig) ||
             !chain_signed(before, position, a->key, buf_view(&sig)))
        ledger_fault(a, l->position, "the signature does not verify with "
                     "control/ledgerkey.pub");
    else
        a->signatures++;
    a->signed_position = l->position;
    buf_free(&sig);
}

/* Segments are made whole before their first line. */
static void
check_segment(struct audit *a, const struct ledger_line *l, uint64_t size)
{
    uint64_t made;

    if (line_getnumber(l->text, "size", &made) && size < made)
        ledger_fault(a, l->position, "this segment is shorter than it was "
                     "made");
}

static void
one_line(struct audit *a, const struct ledger_line *l,
         const struct chain *before)
{
    a->lines++;
    if (ledger_is(l, "sign")) {
        check_sign(a, l, before);
    } else if (ledger_is(l, "gap")) {
        a->gaps++;
        a->account.partial = true;
        mismatch(a, &(struct account_fault){
            .rcpt = -1, .position = l->position,
            .why = "a gap: the ledger did not verify and was kept aside, a "
                   "new one begins here"});
    } else if (l->ms >= a->since_ms) {
        account_line(&a->account, l->text, l->ms, l->position);
    }
}

static void
check_head(struct audit *a)
{
    if (a->position == a->head.position)
        a->head_seen = memcmp(&a->chain, &a->head.chain,
                              sizeof a->chain) == 0;
}

/* Bytes of the segment at hand from position on. */
static size_t
peek(const struct ledger_reader *r, uint64_t base, uint64_t at, char *bytes,
     size_t max)
{
    char name[SEGMENT_NAME + 1];
    ssize_t n = -1;
    int fd;

    segment_name(base, name);
    if (file_open(&fd, r->dir, name) == 0)
        n = pread(fd, bytes, max, (off_t)(at - base));
    file_close(&fd);
    return n > 0 ? (size_t)n : 0;
}

static bool
closed(struct view line)
{
    struct chain any;

    return line.len >= CHAIN_CLOSE &&
           memcmp(line.data + line.len - CHAIN_CLOSE, " *", 2) == 0 &&
           chain_parse(&any, view_from(line, line.len - CHAIN_TEXT));
}

/* A write that a crash cut short leaves the beginning of a line and behind
 * it the segment's blank rest; anything else is damage. */
static bool
cut_short(const struct ledger_reader *r, uint64_t base, uint64_t at)
{
    enum { PART = 64 * 1024 };
    char *bytes = mem_alloc(PART);
    size_t n = peek(r, base, at, bytes, PART), len;
    struct view line = view_make(bytes, n), text;
    bool cut;

    len = line.len = view_find(line, '\n');
    cut = n == 0 ||
          (len < n && !closed(line));
    text = view_make(bytes, n);
    while (cut && text.len) {
        for (size_t i = len; cut && i < text.len; i++)
            cut = text.data[i] == '\n';
        len = 0;
        at += text.len;
        text.len = peek(r, base, at, bytes, PART);
    }
    free(bytes);
    return cut;
}

/* The segment after the one at hand may be void, when its writing failed. */
static bool
harmless(const struct ledger_reader *r)
{
    bool good = cut_short(r, r->segments.bases[r->at], r->position);

    for (size_t i = r->at + 1; good && i < r->segments.count; i++)
        good = cut_short(r, r->segments.bases[i], r->segments.bases[i]);
    return good;
}

/* Nothing was before this line: where the first segment could not be written
 * another one goes on behind position 0. */
static bool
begins(const struct ledger_line *l)
{
    uint64_t after;

    return l->position == 0 ||
           (ledger_is(l, "segment") &&
            line_getnumber(l->text, "after", &after) && after == 0);
}

static int
read_lines(struct audit *a, struct ledger_reader *r)
{
    struct ledger_line l;
    struct chain before = r->chain;
    int e;

    while ((e = ledger_next(r, &l)) > 0) {
        if (a->lines == 0 && !begins(&l)) {
            a->first = l.position;
            a->account.partial = true;
        }
        if (ledger_is(&l, "segment"))
            check_segment(a, &l, r->size);
        one_line(a, &l, &before);
        a->position = r->position;
        a->chain = before = r->chain;
        check_head(a);
    }
    return e;
}

/* From where the last reading ended to the end. */
static int
read_on(struct audit *a)
{
    struct ledger_reader r;
    bool again = a->lines > 0;
    int e = ledger_readopen(&r, a->look->store.ledger, a->position,
                            again ? &a->chain : NULL);

    a->torn = false;
    if (e == -ENOENT)
        return 0;
    if (e == 0) {
        if (!again)
            a->position = r.position;
        e = read_lines(a, &r);
        a->torn = e == -EBADMSG || (e == 0 && r.torn && !harmless(&r));
    } else {
        a->torn = e == -EBADMSG;
    }
    ledger_readclose(&r);
    return e == 0 || e == -EBADMSG ? 0 : look_fail(a->look, "ledger", e);
}

static bool
doubtful(const struct audit *a)
{
    return a->torn || (a->has_head && !a->head_seen) ||
           account_doubts(&a->account) > 0;
}

static void
judge_ledger(struct audit *a)
{
    if (a->torn)
        ledger_fault(a, a->position, "the line here does not fit: it or one "
                     "before it was changed, taken out or put in");
    else if (a->has_head && !a->head_seen && a->position < a->head.position)
        missing(a, a->position, a->head.position,
                "the ledger ends here: lines before the signed position that "
                "ledger/head names are missing");
    if (a->has_head && !a->head_seen && a->position >= a->head.position)
        ledger_fault(a, a->head.position, "the ledger is not the one whose "
                     "signed position ledger/head names");
    if (a->lines && a->first > 0 && a->gaps == 0)
        ledger_fault(a, a->first, "the ledger begins here: the lines before "
                     "are missing");
}

static int
prepare(struct audit *a)
{
    struct buf why = {0};
    int dir, r;

    if ((r = file_opendir(&dir, AT_FDCWD, a->look->paths.control)) < 0)
        buf_print(&why, "%s: %s\n", a->look->paths.control, strerror(-r));
    else
        r = ledgerkey_readpublic(dir, a->key, &why);
    file_close(&dir);
    if (r < 0)
        fprintf(stderr, "godwit audit: %s", why.data);
    buf_free(&why);
    if (r < 0)
        return EXIT_LATER;
    r = head_read(a->look->store.ledger, &a->head);
    if (r < 0 && r != -ENOENT && r != -EBADMSG)
        return look_fail(a->look, "ledger/head", r);
    if (r == -EBADMSG)
        ledger_fault(a, 0, "ledger/head is damaged: what was signed is not "
                     "known");
    a->has_head = r == 0 && a->head.position > 0;
    return 0;
}

int
audit_run(struct audit *a)
{
    int code;

    a->account.fault = on_fault;
    a->account.data = a;
    a->account.began_ms = date_now();
    a->account.partial = a->since_ms > 0;
    code = prepare(a);
    for (int look = 0; code == 0 && look < LOOKS; look++) {
        if (look)
            nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        if ((code = list(a)) == 0 && (code = read_on(a)) == 0 && !doubtful(a))
            break;
    }
    if (code)
        return code;
    judge_ledger(a);
    /* Behind a place that does not fit nothing is known. */
    if (a->ledger_faults == 0)
        account_end(&a->account, &a->end);
    return 0;
}

void
audit_free(struct audit *a)
{
    account_free(&a->account);
}
