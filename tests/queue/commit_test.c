#include "queue/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/tap.h"

enum { MANY = 20, DEADLINE = 60 };

static struct commit commit;

/* In place of the library's: syncs of the folder wait while they are held. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned files, folders; /* syncs begun */
static bool held, fails;

static bool
is_held(void)
{
    bool yes;

    pthread_mutex_lock(&lock);
    yes = held;
    pthread_mutex_unlock(&lock);
    return yes;
}

int
fsync(int fd)
{
    struct stat st;
    bool folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode), bad;

    pthread_mutex_lock(&lock);
    files += !folder;
    folders += folder;
    pthread_mutex_unlock(&lock);
    while (folder && is_held())
        poll(NULL, 0, 1);
    pthread_mutex_lock(&lock);
    bad = folder && fails;
    pthread_mutex_unlock(&lock);
    if (!bad)
        return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}

static unsigned
folders_begun(void)
{
    unsigned n;

    pthread_mutex_lock(&lock);
    n = folders;
    pthread_mutex_unlock(&lock);
    return n;
}

static void
hold(bool yes)
{
    pthread_mutex_lock(&lock);
    held = yes;
    pthread_mutex_unlock(&lock);
}

/* One who stores a file, in a thread. */
struct one {
    pthread_t thread;
    struct incoming in;
    int result;
};

static void *
come(void *data)
{
    struct one *o = data;

    commit_expect(&commit);
    o->result = commit_sync(&commit, &o->in);
    return NULL;
}

static void
send(struct one *o, int fd)
{
    *o = (struct one){.in.fd = fd};
    if (pthread_create(&o->thread, NULL, come, o) != 0)
        exit(2);
}

static int
result_of(struct one *o)
{
    pthread_join(o->thread, NULL);
    return o->result;
}

/* Until so many wait in the batch that gathers, or are in the one that is
 * being synced. */
static bool
until(unsigned waiting, unsigned syncing)
{
    time_t end = time(NULL) + DEADLINE;
    bool there = false;

    while (!there && time(NULL) < end) {
        pthread_mutex_lock(&commit.lock);
        there = commit.waiting == waiting && commit.left == syncing;
        pthread_mutex_unlock(&commit.lock);
        poll(NULL, 0, 1);
    }
    return there;
}

static void
alone(int fd)
{
    struct incoming in = {.fd = fd};

    commit_expect(&commit);
    ok(commit_sync(&commit, &in) == 0 && files == 1 && folders == 1 &&
       in.synced, "who is alone waits for nobody: file and folder are synced");
    commit_expect(&commit);
    ok(commit_sync(&commit, &in) == 0 && files == 1 && folders == 2,
       "a file that was synced already is not synced again");
    commit_expect(&commit);
    ok(commit_sync(&commit, NULL) == 0 && files == 1 && folders == 3,
       "and without a file it is the folder alone");
}

static void
together(int fd)
{
    struct one first, all[MANY];
    unsigned good = 0;

    files = folders = 0;
    hold(true);
    send(&first, fd);
    until(0, 1);
    for (int i = 0; i < MANY; i++)
        send(&all[i], fd);
    ok(until(MANY, 1) && folders_begun() == 1, "who comes while others are synced "
       "waits: his name may have come too late for them");
    hold(false);
    good += result_of(&first) == 0;
    for (int i = 0; i < MANY; i++)
        good += result_of(&all[i]) == 0;
    ok(good == MANY + 1 && folders == 2 && files == MANY + 1,
       "all of them share the next sync of the folder, each with his own "
       "file");
}

static void
writing(int fd)
{
    struct one o;

    folders = 0;
    commit_expect(&commit);
    commit_expect(&commit);
    send(&o, fd);
    ok(until(1, 0) && folders_begun() == 0, "one waits while two are writing");
    commit_forget(&commit);
    ok(result_of(&o) == 0 && folders == 1, "not for one, nor for who will not "
       "come");
    commit_forget(&commit);
}

static void
failure(int fd)
{
    struct one first, bad[2], worse;

    hold(true);
    send(&first, fd);
    until(0, 1);
    send(&bad[0], fd);
    send(&bad[1], fd);
    until(2, 1);
    fails = true;
    hold(false);
    result_of(&first);
    ok(result_of(&bad[0]) == -EIO && result_of(&bad[1]) == -EIO,
       "a failed sync of the folder is told to all of the batch");
    fails = false;
    send(&worse, -1);
    ok(result_of(&worse) == -EBADF, "one of a file to whose it is");
    send(&first, fd);
    ok(result_of(&first) == 0, "and neither to those that come later");
}

static void
whole(int dir)
{
    static struct commit c;

    folders = 0;
    commit_init(&c, dir, true);
    commit_expect(&c);
    ok(commit_sync(&c, NULL) == 0 && folders == 0 && c.syncs == 1,
       "where the folder can't be opened its file system is synced");
}

int
main(void)
{
    char path[] = "/tmp/commit-test-XXXXXX";
    int fd = mkstemp(path);
    int dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || dir < 0)
        return 2;
    unlink(path);
    commit_init(&commit, dir, false);
    alone(fd);
    together(fd);
    writing(fd);
    failure(fd);
    whole(dir);
    return tap_end();
}
