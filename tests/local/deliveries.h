/* deliveries.h - deliveries to a Maildir of the test's own, and what they do
 * to its files and folders, seen and made to fail */
#ifndef TESTS_LOCAL_DELIVERIES_H
#define TESTS_LOCAL_DELIVERIES_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "local/maildir.h"
#include "tests/tap.h"

#define HEADER "Return-Path: <ann@example.net>\nDelivered-To: bob@example.org\n"

static char folder[] = "/tmp/maildir-test-XXXXXX";
static struct deliver_place place = {.me = "mx/a:b", .home = folder};
static struct report last;
static char name[300];

/* In place of the library's: what a file system says that it is, and the
 * order of what is done to it: 'f' a file's sync, 'b' and 's' that its content
 * begins to go and settles, 'd' a folder's sync, 'l' a name. */
static __fsword_t kind;
static char order[32];
static int failing;            /* the sync that fails, counted from 1 */
static int lost;               /* so many files' content finds no place, which
                                  is told once, to who begins with it */
static int refused;            /* errno of naming a nameless file */
static bool leave_half;        /* this process ends before its file has a
                                  name */
static void (*before_link)(void);

static void
note(char what)
{
    size_t n = strlen(order);

    if (n + 1 < sizeof order)
        order[n] = what;
}

int
fstatfs(int fd, struct statfs *fs)
{
    int r = (int)syscall(SYS_fstatfs, fd, fs);

    if (r == 0 && kind)
        fs->f_type = kind;
    return r;
}

int
fsync(int fd)
{
    struct stat st;

    note(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? 'd' : 'f');
    if (failing && --failing == 0) {
        errno = EIO;
        return -1;
    }
    if (leave_half && !S_ISDIR(st.st_mode))
        _exit(ftruncate(fd, 9));
    return (int)syscall(SYS_fsync, fd);
}

int
sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
    note(flags == SYNC_FILE_RANGE_WRITE ? 'b' : 's');
    if (flags == SYNC_FILE_RANGE_WRITE && lost && --lost == 0) {
        errno = EIO;
        return -1;
    }
    if (leave_half)
        _exit(ftruncate(fd, 9));
    return (int)syscall(SYS_sync_file_range, fd, at, len, flags);
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
    void (*other)(void) = before_link;

    int r;

    if (refused && flags & (AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) {
        errno = refused;
        return -1;
    }
    before_link = NULL;
    if (other)
        other();
    if ((r = (int)syscall(SYS_linkat, from, old, to, new, flags)) == 0)
        note('l');
    return r;
}

static const char *
at(const char *where)
{
    static char path[4][400];
    static unsigned turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof path[0], "Maildir/%s/%s", where, name);
    return p;
}

/* A job of the message with this id. */
static struct job
job_of(uint64_t id, struct view text, uint32_t flags)
{
    struct job j = {.birth = 1795384800, .id = id, .attempt = 1,
                    .flags = flags, .length = text.len, .rcpt_count = 1,
                    .sender = view_of("ann@example.net")};

    j.rcpts[0].address = view_of("bob@example.org");
    digest_of(text, j.digest);
    return j;
}

static void
name_of(const struct delivery *d)
{
    struct buf b = {0};

    maildir_name(&b, d, place.me);
    snprintf(name, sizeof name, "%s", b.data);
    buf_free(&b);
}

/* Does d by itself. */
static enum verdict
run(struct delivery *d)
{
    name_of(d);
    deliver_run(&place, d, 1, "./Maildir/");
    last = d->report;
    return last.outcome.verdict;
}

static enum verdict
deliver(struct view text, uint32_t flags)
{
    struct job j = job_of(123 * 32 + 13, text, flags);
    struct delivery d;
    enum verdict v;
    int fd = memfd_create("content", MFD_CLOEXEC);

    if (fd < 0 || file_write(fd, text.data, text.len) < 0)
        exit(2);
    delivery_init(&d, &j, fd, view_make("", 0));
    v = run(&d);
    close(fd);
    return v;
}

static bool
holds(const char *path, struct view text)
{
    struct buf want = {0}, have = {0};
    bool good;

    buf_addstr(&want, HEADER);
    buf_addview(&want, text);
    good = file_read(AT_FDCWD, path, 1 << 20, &have) == 0 &&
           view_equal(buf_view(&want), buf_view(&have));
    buf_free(&want);
    buf_free(&have);
    return good;
}

static unsigned
count(const char *where)
{
    DIR *dir = opendir(where);
    unsigned n = 0;

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n < 2 ? n : n - 2;
}

static void
put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || file_write(fd, text, strlen(text)) < 0)
        exit(2);
    close(fd);
}

static void
clean(void)
{
    if (system("rm -rf Maildir") != 0)
        exit(2);
    folders_close(&place.folders);
}

/* In a folder of its own, which goes. */
static int
in_folder(void (*tests)(void))
{
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 2;
    tests();
    clean();
    rmdir(folder);
    return tap_end();
}

#endif
