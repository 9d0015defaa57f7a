#include "queue/segment.h"

#include <stdint.h>

#include "base/mem.h"
#include "tests/queue/spool.h"

enum { SIZE = 65536 };

static struct store store;
static int dir;

static bool
blank(const char *name, uint64_t size)
{
    struct buf b = {0};
    bool good = file_read(dir, name, 1 << 20, &b) == 0 && b.len == size;

    for (size_t i = 0; good && i < b.len; i++)
        good = b.data[i] == '\n';
    buf_free(&b);
    return good;
}

static bool
there(const char *name)
{
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static ino_t
inode(const char *name)
{
    struct stat st = {0};

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

static void
names(void)
{
    char name[SEGMENT_NAME + 1];

    segment_name(0, name);
    same(name, "0000000000000000", "the first segment is named by 16 zeros");
    segment_name(UINT64_MAX, name);
    same(name, "ffffffffffffffff", "the last by 16 times f");
    segment_name(0x100000abcd, name);
    same(name, "000000100000abcd", "names are hexadecimal positions");
}

static void
listing(void)
{
    static const char *const put[] = {
        "0000000000020000", "0000000000000000", "ffffffffffff0000",
        "0000000000010000", "spare", "head", "000000000001000",
        "00000000000100000", "000000000000ABCD", "000000000000000g",
        " 00000000000abcd", "0x00000000000abc", "aside-x", "spare.new",
    };
    struct segments s;

    ok(segments_list(dir, &s) == 0 && s.count == 0, "no segments at first");
    segments_free(&s);
    for (size_t i = 0; i < sizeof put / sizeof *put; i++)
        spool_put(dir, put[i], view_of(""));
    mkdirat(dir, "0000000000000001", 0700);
    ok(segments_list(dir, &s) == 0 && s.count == 4, "names of 16 small hex "
       "digits alone, of files, are segments (%zu)", s.count);
    ok(s.count == 4 && s.bases[0] == 0 && s.bases[1] == 0x10000 &&
       s.bases[2] == 0x20000 && s.bases[3] == 0xffffffffffff0000,
       "they come in ascending order");
    segments_free(&s);
    segments_free(&s);
    unlinkat(dir, "0000000000000001", AT_REMOVEDIR);
    ok(s.count == 0, "freeing the empty list is harmless");
    for (size_t i = 0; i < sizeof put / sizeof *put; i++)
        file_remove(dir, put[i]);
}

static void
spare(void)
{
    ino_t first;

    ok(segment_spare(dir, SIZE) == 0 && blank("spare", SIZE),
       "a spare of newlines is made ahead");
    first = inode("spare");
    ok(segment_spare(dir, SIZE) == 0 && inode("spare") == first,
       "one that is there is kept");
    ok(segment_spare(dir, SIZE * 10 + 7) == 0 && blank("spare", SIZE * 10 + 7),
       "one of another size is made anew");
    file_remove(dir, "spare");
    spool_put(dir, "spare.new", view_of("what a crash left"));
    ok(segment_spare(dir, SIZE) == 0 && blank("spare", SIZE) &&
       !there("spare.new"), "what a crash left of one is no hindrance");
    file_remove(dir, "spare");
    spool_put(dir, "other", view_of("not ours"));
    ok(symlinkat("other", dir, "spare.new") == 0 &&
       segment_spare(dir, SIZE) == 0 && blank("spare", SIZE) &&
       !blank("other", SIZE) && !there("spare.new"),
       "a link in its place is not followed");
    file_remove(dir, "spare");
    ok(mkfifoat(dir, "spare.new", 0600) == 0 &&
       segment_spare(dir, SIZE) == 0 && blank("spare", SIZE),
       "and a FIFO not waited for");
    file_remove(dir, "other");
}

static void
take(void)
{
    ino_t made = inode("spare");
    int fd;

    ok(segment_take(dir, 0, SIZE, &fd) == 0 && fd >= 0 &&
       inode("0000000000000000") == made, "the spare becomes the segment");
    ok(!there("spare"), "and is the spare no longer");
    ok(file_pwrite(fd, "x", 1, 0) == 0, "it is open for writing");
    file_close(&fd);
    ok(segment_take(dir, 0, SIZE, &fd) == -EEXIST && fd == -1,
       "one that is there is never replaced");
    ok(segment_take(dir, SIZE, SIZE, &fd) == 0 &&
       blank("0000000000010000", SIZE), "without a spare a new file is made");
    file_close(&fd);
}

/* A manager that died between the segment's link and the spare's unlink. */
static void
crash_in_take(void)
{
    int fd;

    ok(segment_spare(dir, SIZE) == 0 &&
       linkat(dir, "spare", dir, "0000000000020000", 0) == 0 &&
       segment_take(dir, 2 * SIZE, SIZE, &fd) == -EEXIST,
       "a segment whose taking was cut short is there");
    ok(segment_spare(dir, SIZE) == 0 &&
       segment_take(dir, 3 * SIZE, SIZE, &fd) == 0,
       "the next one can be taken");
    file_close(&fd);
    ok(inode("0000000000020000") != inode("0000000000030000"),
       "and is a file of its own");
}

static struct ledger_head
sample(void)
{
    struct ledger_head h = {.position = 1234567, .upto = 1234000};

    memset(h.chain.hash, 0x5a, CHAIN_LEN);
    memset(h.upto_chain.hash, 0xc3, CHAIN_LEN);
    return h;
}

static void
head(void)
{
    struct ledger_head h = sample(), back;
    struct buf b = {0};
    unsigned taken = 0;

    ok(head_read(dir, &back) == -ENOENT, "there is no head at first");
    ok(head_write(dir, &h) == 0 && head_read(dir, &back) == 0 &&
       memcmp(&h, &back, sizeof h) == 0, "a head reads back as written");
    h.position = UINT64_MAX;
    ok(head_write(dir, &h) == 0 && head_read(dir, &back) == 0 &&
       back.position == UINT64_MAX, "and is replaced by a later one");
    ok(file_read(dir, "head", 4096, &b) == 0, "it is one line");
    for (size_t len = 0; len + 1 < b.len; len++) {
        spool_put(dir, "head", view_make(b.data, len));
        taken += head_read(dir, &back) != -EBADMSG;
    }
    ok(taken == 0, "cut at any length it is no head (%u were)", taken);
    spool_put(dir, "head", view_of("head position=x\n"));
    ok(head_read(dir, &back) == -EBADMSG, "nor is anything else");
    file_remove(dir, "head");
    mkdirat(dir, "head", 0700);
    ok(head_read(dir, &back) < 0, "a folder in its place is an error");
    unlinkat(dir, "head", AT_REMOVEDIR);
    buf_free(&b);
}

int
main(void)
{
    spool_make(&store);
    dir = store.ledger;
    names();
    listing();
    spare();
    take();
    crash_in_take();
    head();
    store_close(&store);
    return tap_end();
}
