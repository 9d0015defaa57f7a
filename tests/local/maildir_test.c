#include "local/maildir.h"

#include "tests/local/deliveries.h"

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

static void
tests(void)
{
    test_claims();
    test_name();
    test_first();
    test_contents();
    test_stale();
    test_moved();
    test_repeat();
    test_differing();
    test_folders();
    test_control();
    test_changed();
    test_held();
    test_limit();
    test_full();
}

int
main(void)
{
    return in_folder(tests);
}
