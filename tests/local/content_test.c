#include "local/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/tap.h"

static char folder[] = "/tmp/content-test-XXXXXX";
static int dir = -1;

/* A spool file of head, length bytes of content, and a tail, as a job. */
static int
spool_file(struct job *j, uint64_t length)
{
    struct buf b = {0};
    int fd, out;

    memset(j, 0, sizeof *j);
    buf_addstr(&b, "header");
    j->offset = b.len;
    j->length = length;
    for (uint64_t i = 0; i < length; i++)
        buf_addbyte(&b, (int)(i * 31 + i / 255));
    digest_of(view_from(buf_view(&b), j->offset), j->digest);
    buf_addstr(&b, "bob@example.org");
    out = openat(dir, "spool", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || file_write(out, b.data, b.len) < 0)
        exit(2);
    close(out);
    if (file_open(&fd, dir, "spool") < 0)
        exit(2);
    unlinkat(dir, "spool", 0);
    buf_free(&b);
    return fd;
}

static int
run(struct content *c, int *steps)
{
    int r;

    for (*steps = 1; (r = content_step(c, dir)) == 1; ++*steps)
        ;
    return r;
}

/* The whole copy is the content and can't be changed through fd. */
static bool
is_copy(int fd, const struct job *j)
{
    struct buf b = {0};
    unsigned char have[DIGEST_LEN];
    bool good;

    good = file_slurp(fd, 64 << 20, &b) == 0 && b.len == j->length;
    digest_of(buf_view(&b), have);
    buf_free(&b);
    return good && digest_equal(have, j->digest) &&
           write(fd, "x", 1) < 0 && ftruncate(fd, 0) < 0;
}

static void
test_copy(uint64_t length, int want_steps, const char *name)
{
    struct content c;
    struct job j;
    int fd = -1, again = -1, steps, r;

    content_init(&c, spool_file(&j, length), &j);
    r = run(&c, &steps);
    ok(r == 0 && content_open(&c, &fd) == 0 && is_copy(fd, &j),
       "%s: the content alone, and read-only", name);
    ok(content_open(&c, &again) == 0 && is_copy(again, &j),
       "%s: a second one has an offset of its own", name);
    ok(steps == want_steps && c.source == -1,
       "%s: it takes %d steps and lets the spool file go", name, want_steps);
    file_close(&fd);
    file_close(&again);
    content_free(&c);
}

static void
test_held(void)
{
    struct content c;
    struct job j;
    unsigned char have[DIGEST_LEN];
    int steps;

    content_init(&c, spool_file(&j, CONTENT_HELD_MAX), &j);
    content_hold(&c);
    ok(run(&c, &steps) == 0 && steps == 1 && c.source == -1 && c.fd == -1 &&
       c.bytes.len == j.length, "a small one is held, without a descriptor");
    digest_of(buf_view(&c.bytes), have);
    ok(digest_equal(have, j.digest), "byte for byte");
    content_free(&c);

    content_init(&c, spool_file(&j, 100), &j);
    c.want[0] ^= 1;
    content_hold(&c);
    ok(run(&c, &steps) == -EBADMSG, "and verified");
    content_free(&c);

    content_init(&c, spool_file(&j, CONTENT_HELD_MAX + 1), &j);
    content_hold(&c);
    ok(run(&c, &steps) == 0 && c.fd >= 0 && c.bytes.len == 0,
       "a bigger one is not");
    content_free(&c);
}

static bool
reads_now(int fd)
{
    char byte;

    return preadv2(fd, &(struct iovec){&byte, 1}, 1, 0, RWF_NOWAIT) == 1;
}

static void
test_now(void)
{
    struct content c;
    struct job j;
    int steps;

    content_init(&c, spool_file(&j, 4000), &j);
    ok(!content_now(&c), "what is not to be held is not read at once");
    if (!reads_now(c.source)) {
        skip("this file system has no reading without waiting");
        content_free(&c);
        return;
    }
    content_hold(&c);
    ok(content_now(&c) && c.bytes.len == 4000 && c.source < 0,
       "a small one that is in memory is held at once");
    content_free(&c);
    content_init(&c, spool_file(&j, 0), &j);
    content_hold(&c);
    ok(content_now(&c), "as is an empty one");
    content_free(&c);
    content_init(&c, spool_file(&j, 4000), &j);
    content_hold(&c);
    c.want[0] ^= 1;
    ok(!content_now(&c) && c.bytes.len == 0 && run(&c, &steps) == -EBADMSG,
       "not one that is not what the job says");
    content_free(&c);
}

static void
test_sealed(void)
{
    struct content c;
    struct job j;
    char path[40];
    int fd, steps, writer;

    content_init(&c, spool_file(&j, 100), &j);
    run(&c, &steps);
    content_open(&c, &fd);
    ok(fcntl(fd, F_GET_SEALS) ==
       (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
       "a copy in memory is sealed against everything");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    writer = open(path, O_RDWR);
    ok(writer < 0 || write(writer, "x", 1) < 0,
       "even for one who opens it for writing");
    file_close(&writer);
    file_close(&fd);
    content_free(&c);
}

static void
test_nameless(void)
{
    struct content c;
    struct stat st;
    struct job j;
    int steps;

    content_init(&c, spool_file(&j, CONTENT_MEMORY_MAX + 1), &j);
    run(&c, &steps);
    ok(fstat(c.fd, &st) == 0 && st.st_nlink == 0 &&
       (st.st_mode & 0777) == 0400, "a copy on disk has no name, mode 0400");
    content_free(&c);
}

static void
test_damage(uint64_t length, const char *name)
{
    struct content c;
    struct job j;
    int steps, fd = spool_file(&j, length);

    j.digest[5] ^= 1;
    content_init(&c, fd, &j);
    ok(run(&c, &steps) == -EBADMSG, "%s that disagrees is damaged", name);
    content_free(&c);

    fd = spool_file(&j, length);
    j.length += 1000;
    content_init(&c, fd, &j);
    ok(run(&c, &steps) == -EBADMSG, "%s that is too short is damaged", name);
    content_free(&c);
}

static void
test_errno(void)
{
    struct content c;
    struct job j;
    int fds[2], steps;

    close(spool_file(&j, 100));
    content_init(&c, open("/proc/self/mem", O_RDONLY), &j);
    j.offset = 0;
    c.offset = 0;
    ok(run(&c, &steps) == -EIO, "an errno is not damage");
    content_free(&c);

    if (pipe(fds) < 0)
        exit(2);
    content_init(&c, fds[0], &j);
    ok(run(&c, &steps) == -EINVAL, "a pipe is not waited for");
    content_free(&c);
    close(fds[1]);

    content_init(&c, spool_file(&j, CONTENT_MEMORY_MAX + 1), &j);
    ok(content_step(&c, -1) == -EBADF, "without a folder there is no copy");
    content_free(&c);
}

int
main(void)
{
    if (!mkdtemp(folder) || file_opendir(&dir, AT_FDCWD, folder) < 0)
        return 2;
    test_copy(0, 1, "no content");
    test_copy(5000, 1, "a short one");
    test_copy(CONTENT_MEMORY_MAX, 1, "the longest in memory");
    test_copy(CONTENT_MEMORY_MAX + 1, 1, "the shortest on disk");
    test_copy(2 * CONTENT_STEP + 1, 3, "a long one");
    test_held();
    test_now();
    test_sealed();
    test_nameless();
    test_damage(5000, "content");
    test_damage(CONTENT_MEMORY_MAX + 5000, "long content");
    test_errno();
    file_close(&dir);
    rmdir(folder);
    return tap_end();
}
