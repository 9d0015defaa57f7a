#include "local/maildir.h"

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

static void
test_first(void)
{
    struct view text = view_of("Subject: x\r\n\nFrom a\rb\n.\n\n>From\n end");
    struct stat st;
    char want[400];

    ok(deliver(text, 0) == DONE && holds(at("new"), text),
       "content is stored byte for byte behind two lines");
    snprintf(want, sizeof want, "stored as new/%s", name);
    same(last.outcome.text, want, "and the outcome names the file");
    snprintf(want, sizeof want, "%s/Maildir", folder);
    same(last.host, want, "and the Maildir");
    ok(stat("Maildir", &st) == 0 && (st.st_mode & 07777) == 0700,
       "a Maildir that is not there is made, for its owner alone");
    ok(count("Maildir/tmp") == 0 && count("Maildir/cur") == 0 &&
       count("Maildir") == 3, "with tmp, new and cur, nothing left in them");
    ok(stat(at("new"), &st) == 0 && (st.st_mode & 077) == 0,
       "nobody else can read the mail");
    clean();
}

static void
test_contents(void)
{
    static char big[300000];

    memset(big, 'x', sizeof big);
    ok(deliver(view_make("", 0), 0) == DONE &&
       holds(at("new"), view_make("", 0)), "an empty message is one");
    clean();
    ok(deliver(view_make("a\0b\0", 4), 0) == DONE &&
       holds(at("new"), view_make("a\0b\0", 4)), "NUL is a byte like another");
    clean();
    ok(deliver(view_make(big, sizeof big), 0) == DONE &&
       holds(at("new"), view_make(big, sizeof big)), "long content is whole");
    clean();
}

static void
test_name(void)
{
    struct delivery d = {.birth = 7, .id = 1};
    struct buf a = {0}, b = {0}, c = {0};
    char me[1000];

    d.rcpt = view_of("ann@example.org");
    maildir_name(&a, &d, "mx/a:b");
    d.rcpt = view_of("bob@example.org");
    maildir_name(&b, &d, "mx/a:b");
    ok(strncmp(a.data, "7.G0000000000001R", 17) == 0 &&
       strcmp(a.data + 25, ".mx\\057a\\072b") == 0,
       "a name is made of birth, id, recipient and me, without / and :");
    ok(strcmp(a.data, b.data) != 0, "two recipients have two names");
    memset(me, ':', sizeof me);
    me[sizeof me - 1] = 0;
    maildir_name(&c, &d, me);
    ok(c.len < 255, "a name is never too long for a file system");
    buf_free(&a);
    buf_free(&b);
    buf_free(&c);
}

static void
test_stale(void)
{
    struct view text = view_of("Subject: x\n\nnew\n");

    deliver(text, 0);
    unlink(at("new"));
    put(at("tmp"), "half of it");
    ok(deliver(text, JOB_REPEAT) == DONE && holds(at("new"), text) &&
       count("Maildir/tmp") == 0, "what a crash left in tmp/ is no hindrance");
    if (link(at("new"), at("tmp")) < 0)
        exit(2);
    ok(deliver(text, JOB_REPEAT) == DONE && holds(at("new"), text) &&
       count("Maildir/tmp") == 0,
       "nor is the other name of what was published");
    clean();
}

/* A kernel's btrfs forgets the sync of a file that had no name. */
static void
test_order(void)
{
    static const struct {
        __fsword_t kind;
        const char *order, *words;
    } rows[] = {
        {NFS_SUPER_MAGIC, "fld", "a file is synced, then named, then new/ "
                                 "is synced"},
        {XFS_SUPER_MAGIC, "slfd", "where a name never comes without its "
                                  "content both are synced at once"},
        {BTRFS_SUPER_MAGIC, "flfd", "on btrfs the file once more, before "
                                    "new/"},
        {OVERLAYFS_SUPER_MAGIC, "flfd", "and where btrfs may be below"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kind = rows[i].kind;
        deliver(view_of("first\n"), 0);
        unlink(at("new"));
        memset(order, 0, sizeof order);
        ok(deliver(view_of("x\n"), 0) == DONE &&
           strcmp(order, rows[i].order) == 0, "%s (%s)", rows[i].words, order);
        clean();
    }
    kind = 0;
}

/* As on a file system that knows no nameless files. */
static void
test_named(void)
{
    struct view text = view_of("Subject: x\n\nnamed\n");

    deliver(text, 0);
    unlink(at("new"));
    place.folders.named = true;
    put(at("tmp"), "half of it");
    ok(deliver(text, JOB_REPEAT) == DONE && holds(at("new"), text) &&
       count("Maildir/tmp") == 0,
       "where files need a name from the start, it is one in tmp/");
    ok(deliver(text, 0) == DONE && count("Maildir/tmp") == 0 &&
       count("Maildir/new") == 1, "and a repeat is recognised all the same");
    put(at("new"), "");
    ok(deliver(text, 0) == LATER && count("Maildir/tmp") == 0,
       "as is another file of that name");
    clean();
}

/* /proc that cannot be linked from, project quotas, security modules. */
static void
test_refused(void)
{
    static const int errors[] = {EPERM, EACCES, EXDEV, EOPNOTSUPP, ENOENT};
    struct view text = view_of("Subject: x\n\nrefused\n");

    kind = NFS_SUPER_MAGIC;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        refused = errors[i];
        ok(deliver(text, 0) == DONE && holds(at("new"), text) &&
           count("Maildir/tmp") == 0,
           "a nameless file that gets no name (%s) is made anew in tmp/",
           strerror(refused));
        unlink(at("new"));
        memset(order, 0, sizeof order);
        ok(deliver(text, 0) == DONE && strcmp(order, "fld") == 0,
           "and the next one there at once (%s)", order);
        clean();
    }
    refused = ENOSPC;
    ok(deliver(text, 0) == LATER && count("Maildir/new") == 0,
       "another errno is later");
    refused = 0;
    kind = 0;
    clean();
}

/* The same mail, in a process of its own that dies with half of a file. */
static void
deliver_half(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        leave_half = true;
        deliver(view_of("Subject: x\n\ntwice\n"), JOB_REPEAT);
        _exit(2);
    }
    waitpid(pid, NULL, 0);
}

static void
test_twice(void)
{
    struct view text = view_of("Subject: x\n\ntwice\n");
    enum verdict v;

    deliver(text, 0);
    unlink(at("new"));
    place.folders.named = true;
    before_link = deliver_half;
    v = deliver(text, 0);
    ok(v == DONE ? holds(at("new"), text) : count("Maildir/new") == 0,
       "of two who have the same mail neither names the other's half");
    ok(count("Maildir/tmp") == 1, "which stays in tmp/");
    ok(deliver(text, JOB_REPEAT) == DONE && holds(at("new"), text) &&
       count("Maildir/tmp") == 0, "until the next one");
    clean();
}

/* Between two deliveries a user may do what he likes. */
static void
test_moved(void)
{
    struct view text = view_of("Subject: x\n\nmoved\n");

    deliver(text, 0);
    if (rename("Maildir", "Old") < 0)
        exit(2);
    ok(deliver(text, 0) == DONE && holds(at("new"), text),
       "a Maildir that was moved away is made anew");
    if (system("rm -rf Old; mv Maildir/new Maildir/old") != 0)
        exit(2);
    ok(deliver(text, 0) == DONE && holds(at("new"), text),
       "and so is its new/");
    clean();
}

static void
test_repeat(void)
{
    struct view text = view_of("Subject: x\n\nonce\n");
    char path[400];

    deliver(text, 0);
    ok(deliver(text, 0) == DONE && count("Maildir/new") == 1,
       "a repeat that is in new/ is done");
    snprintf(path, sizeof path, "Maildir/cur/%s:2,FS", name);
    if (rename(at("new"), path) < 0)
        exit(2);
    ok(deliver(text, JOB_REPEAT) == DONE && count("Maildir/new") == 0,
       "one that was read meanwhile too");
    ok(strstr(last.outcome.text, "cur/") && strstr(last.outcome.text, ":2,FS"),
       "and the outcome names it");
    ok(deliver(view_of("Subject: y\n\nonce\n"), JOB_REPEAT) == LATER &&
       holds(path, text) && count("Maildir/new") == 0,
       "a file in cur/ that differs is kept, and the mail waits");
    unlink(path);
    snprintf(path, sizeof path, "Maildir/cur/%sX:2,", name);
    put(path, "x");
    ok(deliver(text, JOB_REPEAT) == DONE && holds(at("new"), text),
       "a longer name is another message");
    clean();
}

static void
test_differing(void)
{
    struct view text = view_of("Subject: x\n\nmine\n");
    struct stat st;

    deliver(text, 0);
    put(at("new"), HEADER "Subject: x\n\nhers\n");
    ok(deliver(text, 0) == LATER && !holds(at("new"), text),
       "a file of that name, as long but different, is never replaced");
    put(at("new"), "");
    ok(deliver(text, 0) == LATER, "nor an empty one");
    unlink(at("new"));
    if (symlink("/etc/passwd", at("new")) < 0 || deliver(text, 0) != LATER)
        ok(false, "nor a symbolic link");
    else
        ok(lstat(at("new"), &st) == 0 && S_ISLNK(st.st_mode),
           "nor a symbolic link");
    unlink(at("new"));
    if (mkfifo(at("new"), 0600) < 0)
        exit(2);
    alarm(20);
    ok(deliver(text, 0) == LATER, "nor a FIFO, and nobody waits for it");
    alarm(0);
    ok(count("Maildir/tmp") == 0, "and tmp/ is left empty each time");
    clean();
}

static void
test_folders(void)
{
    struct view text = view_of("Subject: x\n\n");

    if (mkdir("Maildir", 0750) < 0)
        exit(2);
    ok(deliver(text, 0) == DONE && holds(at("new"), text),
       "what lacks in a Maildir is made");
    rmdir("Maildir/cur");
    ok(deliver(text, JOB_REPEAT) == DONE && count("Maildir") == 3,
       "also in one that was whole before");
    clean();
    put("Maildir", "a file");
    ok(deliver(text, 0) == LATER, "a file in its place is no Maildir: later");
    clean();
    if (symlink("nowhere", "Maildir") < 0)
        exit(2);
    ok(deliver(text, 0) == LATER, "so is a link to nowhere");
    clean();
}

static void
test_control(void)
{
    struct job j = job_of(1, view_of("x"), 0);
    struct delivery d;

    j.sender = view_of("a\nBcc: x");
    delivery_init(&d, &j, -1, view_of("x"));
    ok(run(&d) == NEVER && count("Maildir/new") == 0,
       "an address with a control character never reaches a header");
    clean();
}

static void
test_changed(void)
{
    struct job j = job_of(1, view_of("good"), 0);
    int fd = memfd_create("content", MFD_CLOEXEC);
    struct delivery d;

    delivery_init(&d, &j, fd, view_make("", 0));
    ok(file_write(fd, "evil", 4) == 0 && run(&d) == LATER &&
       count("Maildir/new") == 0 && count("Maildir/tmp") == 0,
       "a copy that no longer is what was verified is not published");
    close(fd);
    clean();
}

static void
test_held(void)
{
    struct view text = view_of("Subject: x\n\nheld\n");
    struct job j = job_of(1, text, 0);
    struct delivery d;

    j.digest[0] ^= 1;
    delivery_init(&d, &j, -1, text);
    ok(run(&d) == LATER && count("Maildir/new") == 0,
       "content that came with the job is not published unverified");
    j.digest[0] ^= 1;
    delivery_init(&d, &j, -1, text);
    ok(run(&d) == DONE, "but verified it is");
    ok(holds(at("new"), text), "behind the same two lines");
    clean();
}

enum { TOGETHER = 3 };

static struct delivery together[TOGETHER];
static const char *const texts[TOGETHER] = {"one\n", "two\n", "three\n"};

/* All of them in one run, in a Maildir that was there; spoilt: the one that
 * is not what its digest says, or -1. */
static void
run_together(int spoilt)
{
    for (int i = 0; i < TOGETHER; i++) {
        struct job j = job_of((uint64_t)i + 1, view_of(texts[i]), 0);

        j.number = 7 + (uint64_t)i;
        j.digest[0] ^= i == spoilt;
        delivery_init(&together[i], &j, -1, view_of(texts[i]));
    }
    memset(order, 0, sizeof order);
    deliver_run(&place, together, TOGETHER, "./Maildir/");
}

/* Which of them are DONE and there, as digits; and nothing else is there. */
static const char *
done(void)
{
    static char text[TOGETHER + 2];
    unsigned n = 0;

    for (int i = 0; i < TOGETHER; i++) {
        bool there;

        name_of(&together[i]);
        there = holds(at("new"), view_of(texts[i]));
        if (there != (together[i].report.outcome.verdict == DONE))
            return "neither nor";
        if (there)
            text[n++] = (char)('1' + i);
    }
    text[n] = 0;
    return count("Maildir/new") == n && count("Maildir/tmp") == 0 ? text
                                                                  : "more";
}

static void
test_together(void)
{
    deliver(view_of("first\n"), 0);
    clean();
    kind = XFS_SUPER_MAGIC;
    place.folders = (struct folders){0};
    run_together(-1);
    same(done(), "123", "what comes together is stored together");
    clean();
    deliver(view_of("first\n"), 0);
    unlink(at("new"));
    run_together(-1);
    same(order, "bbbssslllfffd", "each step for all before the next, each "
         "file synced, new/ once");
    ok(together[2].report.number == 9 && together[2].report.index == 0,
       "each has its own report");
    clean();
    kind = NFS_SUPER_MAGIC;
    deliver(view_of("first\n"), 0);
    unlink(at("new"));
    run_together(-1);
    same(order, "fffllld", "and where names may come without content "
         "each file is synced before");
    clean();
    kind = 0;
}

static void
test_apart(void)
{
    run_together(1);
    same(done(), "13", "one that cannot be stored is later, the others are "
         "there");
    clean();
    run_together(-1);
    clean();
    deliver(view_of("first\n"), 0);
    unlink(at("new"));
    name_of(&together[0]);
    put(at("new"), "another file");
    run_together(-1);
    ok(together[0].report.outcome.verdict == LATER &&
       together[1].report.outcome.verdict == DONE &&
       together[2].report.outcome.verdict == DONE &&
       count("Maildir/new") == 3,
       "so is one whose name another file has");
    clean();
    refused = EPERM;
    run_together(2);
    same(done(), "12", "where no nameless file gets a name all get one by "
         "way of tmp/");
    refused = 0;
    clean();
}

/* A recipient may stand in an envelope twice. */
static void
test_same(void)
{
    struct view text = view_of("Subject: x\n\ntwice\n");
    struct job j = job_of(1, text, 0), bad = j;

    deliver(view_of("first\n"), 0);
    unlink(at("new"));
    bad.digest[0] ^= 1;
    for (int i = 0; i < 2; i++) {
        place.folders.named = i > 0;
        delivery_init(&together[0], &j, -1, text);
        delivery_init(&together[1], &bad, -1, text);
        deliver_run(&place, together, 2, "./Maildir/");
        name_of(&together[0]);
        ok(together[0].report.outcome.verdict == DONE &&
           together[1].report.outcome.verdict == LATER &&
           holds(at("new"), text) && count("Maildir/new") == 1 &&
           count("Maildir/tmp") == 0, "two of one name do not get at each "
           "other's file%s", i ? ", by way of tmp/ either" : "");
        unlink(at("new"));
        folders_close(&place.folders);
        deliver(view_of("first\n"), 0);
        unlink(at("new"));
    }
    place.folders.named = true;
    delivery_init(&together[0], &j, -1, text);
    delivery_init(&together[1], &j, -1, text);
    deliver_run(&place, together, 2, "./Maildir/");
    ok(together[0].report.outcome.verdict == DONE &&
       together[1].report.outcome.verdict == DONE &&
       count("Maildir/new") == 1, "and where both are whole they are one");
    clean();
}

static void
test_sync_fails(void)
{
    deliver(view_of("first\n"), 0);
    unlink(at("new"));
    kind = XFS_SUPER_MAGIC;
    place.folders.orders = true;
    failing = 2;
    run_together(-1);
    same(done(), "13", "one whose sync fails is not there, the others are");
    clean();
    deliver(view_of("first\n"), 0);
    unlink(at("new"));
    lost = 2;
    run_together(-1);
    same(done(), "13", "nor is one whose content found no place, though all "
         "after it went well");
    clean();
    deliver(view_of("first\n"), 0);
    unlink(at("new"));
    failing = TOGETHER + 1;
    run_together(-1);
    same(done(), "", "where the sync of new/ fails none is");
    failing = 0;
    kind = 0;
    clean();
}

static void
test_limit(void)
{
    static char big[300000];
    struct rlimit old, small;

    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    deliver(view_of("x"), 0);
    unlink(at("new"));
    /* The content itself lies in a memfd, which the limit holds for too. */
    memset(big, 'x', 99990);
    setrlimit(RLIMIT_FSIZE, &small);
    ok(deliver(view_make(big, 99990), 0) == LATER &&
       count("Maildir/new") == 0 && count("Maildir/tmp") == 0,
       "a file that grows beyond a limit is later, and leaves nothing");
    setrlimit(RLIMIT_FSIZE, &old);
    clean();
}

static void
fill_id_map(const char *path, unsigned id)
{
    char line[32];

    snprintf(line, sizeof line, "%u %u 1\n", id, id);
    put(path, line);
}

/* In a child, with a file system of 64 KiB of its own. */
static int
on_full_disk(void)
{
    static char big[200000];
    unsigned uid = geteuid(), gid = getegid();

    if (unshare(CLONE_NEWNS) < 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
            return 77;
        put("/proc/self/setgroups", "deny");
        fill_id_map("/proc/self/uid_map", uid);
        fill_id_map("/proc/self/gid_map", gid);
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", folder, "tmpfs", 0, "size=64k") < 0 ||
        chdir(folder) < 0)
        return 77;
    if (deliver(view_make(big, sizeof big), 0) != LATER)
        return 1;
    if (count("Maildir/tmp") || count("Maildir/new"))
        return 2;
    return deliver(view_of("short\n"), 0) == DONE ? 0 : 3;
}

static void
test_full(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(on_full_disk());
    waitpid(pid, &status, 0);
    status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (status == 77) {
        skip("a full disk: no tmpfs may be mounted here");
        return;
    }
    ok(status == 0, "a full disk is later, leaves nothing, and mail flows "
       "when there is room (%d)", status);
}

static void
test_claims(void)
{
    static const struct {
        const char *text;
        bool claims;
    } rows[] = {
        {"./Maildir/", true}, {"/srv/mail/", true}, {"./mbox", false},
        {"Maildir/", false}, {"", false}, {"/", false}, {"|prog/", false},
        {"&ann@example.org", false}, {"./", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ok(maildir_claims(view_of(rows[i].text)) == rows[i].claims,
           "\"%s\" is %sa Maildir", rows[i].text,
           rows[i].claims ? "" : "not ");
}

int
main(void)
{
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 2;
    test_claims();
    test_name();
    test_first();
    test_contents();
    test_stale();
    test_order();
    test_named();
    test_refused();
    test_twice();
    test_moved();
    test_repeat();
    test_differing();
    test_folders();
    test_control();
    test_changed();
    test_held();
    test_together();
    test_apart();
    test_same();
    test_sync_fails();
    test_limit();
    test_full();
    clean();
    rmdir(folder);
    return tap_end();
}
