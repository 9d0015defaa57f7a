#include "local/publish.h"

#include "tests/local/deliveries.h"

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
tests(void)
{
    test_order();
    test_named();
    test_refused();
    test_twice();
    test_together();
    test_apart();
    test_same();
    test_sync_fails();
}

int
main(void)
{
    return in_folder(tests);
}
