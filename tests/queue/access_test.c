#include "queue/access.h"

#include <errno.h>

#include "base/mem.h"
#include "tests/tap.h"

enum { ANN = 1000, BOB = 1001, EVE = 1002, HOUR_MS = 3600 * 1000 };

static bool
find(const char *name, uid_t *uid)
{
    *uid = strcmp(name, "ann") == 0 ? ANN : BOB;
    return strcmp(name, "ann") == 0 || strcmp(name, "bob") == 0;
}

/* A list of the lines of text. */
static void
fill(struct conf_list *l, const char *text)
{
    struct view all = view_of(text), line;

    memset(l, 0, sizeof *l);
    while (view_line(&all, &line)) {
        l->items = mem_grow(l->items, (l->count + 1) * sizeof *l->items);
        l->lines = mem_grow(l->lines, (l->count + 1) * sizeof *l->lines);
        l->items[l->count] = mem_dup(line.data, line.len);
        l->lines[l->count] = (unsigned)l->count + 1;
        l->count++;
    }
}

/* NULL: no such file. */
static int
load(struct access *a, const char *senders, const char *limits,
     struct buf *why)
{
    struct conf_list s, l;
    int r;

    memset(a, 0, sizeof *a);
    buf_clear(why);
    buf_addstr(why, "");
    fill(&s, senders ? senders : "");
    fill(&l, limits ? limits : "");
    r = access_load(a, senders ? &s : NULL, limits ? &l : NULL, find, why);
    conf_listfree(&s);
    conf_listfree(&l);
    return r;
}

static void
senders(void)
{
    static const struct {
        uid_t uid;
        const char *sender;
        bool may;
    } rows[] = {
        {ANN, "ann@example.org", true},
        {ANN, "Ann@Example.ORG", true},
        {ANN, "list-owner@lists.example.org", true},
        {ANN, "x@sub.lists.example.org", false},
        {ANN, "bob@example.org", false},
        {ANN, "xann@example.org", false},
        {ANN, "ann@example.org.evil.test", false},
        {ANN, "guest@example.org", false},
        {ANN, "", true},
        {BOB, "anything@at.all", true},
        {7, "seven@example.org", true},
        {EVE, "guest@example.org", true},
        {EVE, "ann@example.org", false},
        {EVE, "\"a@lists.example.org\"@x.test", false},
        {EVE, "", true},
    };
    struct buf why = {0};
    struct access a;

    ok(load(&a, "ann:ann@example.org, @lists.example.org\nbob:*\n"
            "7:seven@example.org\n*:guest@example.org\n", NULL, &why) == 0 &&
       why.len == 0, "a list of senders is read");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(access_sender(&a, rows[i].uid, view_of(rows[i].sender)) ==
           rows[i].may, "uid %u %s send as <%s>", (unsigned)rows[i].uid,
           rows[i].may ? "may" : "may not", rows[i].sender);
    access_free(&a);
    load(&a, NULL, NULL, &why);
    ok(access_sender(&a, EVE, view_of("a@x.test")),
       "without the file anybody may be any sender");
    access_free(&a);
    load(&a, "", NULL, &why);
    ok(!access_sender(&a, EVE, view_of("a@x.test")) &&
       access_sender(&a, EVE, view_of("")),
       "with an empty one nobody may be any but the null sender");
    access_free(&a);
    load(&a, "ann:a@x.test\nann:b@x.test\n", NULL, &why);
    ok(access_sender(&a, ANN, view_of("a@x.test")) &&
       access_sender(&a, ANN, view_of("b@x.test")),
       "a user may have several lines");
    access_free(&a);
    buf_free(&why);
}

static void
faults(void)
{
    static const struct {
        const char *senders, *limits, *why;
    } rows[] = {
        {"ann", NULL,
         "control/submitsenders:1: 'ann' is not user:sender,sender\n"},
        {"ann:", NULL,
         "control/submitsenders:1: '' is no address, @domain or *\n"},
        {"ann:a@x.test,\n", NULL, ""},
        {"ann:a@x.test,,b@x.test\n", NULL,
         "control/submitsenders:1: '' is no address, @domain or *\n"},
        {"ann:ann", NULL,
         "control/submitsenders:1: 'ann' is no address, @domain or *\n"},
        {":a@x.test", NULL, "control/submitsenders:1: '' is no user\n"},
        {NULL, "ann:5",
         "control/submitlimit:1: 'ann:5' is not user:messages:bytes\n"},
        {NULL, "*:1:1\nann:x:5",
         "control/submitlimit:2: 'x:5' is not two numbers\n"},
        {NULL, "ann:-1:5",
         "control/submitlimit:1: '-1:5' is not two numbers\n"},
    };
    struct buf why = {0};
    struct access a;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int r = load(&a, rows[i].senders, rows[i].limits, &why);

        ok(r == (*rows[i].why ? -EINVAL : 0), "%s",
           *rows[i].why ? "a wrong line is refused" : "a last comma is not");
        same(why.data, rows[i].why, "and the line says why");
        access_free(&a);
    }
    ok(load(&a, "eve:a@x.test\n*:b@x.test", "eve:1:1", &why) == 0,
       "a user whom the host does not know is no fault");
    same(why.data, "control/submitsenders:1: 'eve' is no user of this host\n"
         "control/submitlimit:1: 'eve' is no user of this host\n",
         "but a remark for each line");
    ok(access_sender(&a, 0, view_of("b@x.test")) &&
       !access_sender(&a, 0, view_of("a@x.test")),
       "and the line means nobody");
    access_free(&a);
    buf_free(&why);
}

static unsigned
counted(struct access *a, uid_t uid, uint64_t now, unsigned tries)
{
    unsigned n = 0;

    while (tries--)
        n += access_count(a, uid, now) == 0;
    return n;
}

static void
limits(void)
{
    struct buf why = {0};
    struct access a;
    uint64_t wait;

    load(&a, NULL, "*:10:1000\nann:60:0\nbob:0:5\n", &why);
    ok(access_bytes(&a, EVE) == 1000 && access_bytes(&a, ANN) == 0 &&
       access_bytes(&a, BOB) == 5, "sizes are those of the user's own line");
    ok(counted(&a, BOB, 1, 100000) == 100000, "0 messages are no limit");
    ok(counted(&a, EVE, 1, 20) == 10 && counted(&a, 7, 1, 20) == 10,
       "an hour's messages may come at once, for each user");
    wait = access_count(&a, EVE, 1);
    ok(wait > 359 * 1000 && wait <= 360 * 1000 + 1,
       "then the wait is a share of the hour");
    ok(access_count(&a, EVE, 1 + wait - 2) > 0 &&
       access_count(&a, EVE, 1 + wait) == 0 &&
       access_count(&a, EVE, 1 + wait) > 0, "and one comes after it");
    ok(counted(&a, EVE, 1 + 3 * (uint64_t)HOUR_MS, 20) == 10,
       "a quiet hour gives all back, and no more");
    ok(counted(&a, ANN, 1, 100) == 60, "a user's own line counts alone");
    access_free(&a);
    load(&a, NULL, NULL, &why);
    ok(access_count(&a, EVE, 1) == 0 && access_bytes(&a, EVE) == 0,
       "without the file there is no limit");
    access_free(&a);
    buf_free(&why);
}

static void
crowds(void)
{
    struct buf why = {0};
    struct access a;
    unsigned kept = 0, uids = 100000;

    load(&a, NULL, "*:2:0\nann:5:0\n", &why);
    counted(&a, ANN, 1, 5);
    for (uid_t uid = 5000; uid < 5000 + uids; uid++)
        kept += counted(&a, uid, 1, 1);
    ok(kept == uids, "each of 100,000 users may send one");
    ok(counted(&a, ANN, 1, 1) == 0,
       "and who sent much is not forgotten for them");
    access_free(&a);
    buf_free(&why);
}

int
main(void)
{
    senders();
    faults();
    limits();
    crowds();
    return tap_end();
}
