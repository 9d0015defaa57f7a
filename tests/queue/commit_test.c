#include "queue/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/tap.h"

enum { MANY = 32 };

/* In place of the library's: a sync that ends when it may. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned begun, allowed;
static bool fails;

int
fsync(int fd)
{
    unsigned mine;
    bool bad;

    pthread_mutex_lock(&lock);
    mine = ++begun;
    pthread_cond_broadcast(&changed);
    while (allowed < mine)
        pthread_cond_wait(&changed, &lock);
    bad = fails;
    pthread_mutex_unlock(&lock);
    if (!bad)
        return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}

static void
allow(unsigned syncs)
{
    pthread_mutex_lock(&lock);
    allowed += syncs;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void
wait_begun(unsigned syncs)
{
    pthread_mutex_lock(&lock);
    while (begun < syncs)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static bool
is_over(struct commit *c, const struct commit_wish *w)
{
    bool over;

    pthread_mutex_lock(&c->lock);
    over = w->over;
    pthread_mutex_unlock(&c->lock);
    return over;
}

static void
alone(struct commit *c)
{
    struct commit_wish w;

    commit_ask(c, &w);
    wait_begun(1);
    ok(!is_over(c, &w), "nobody is told before the sync has ended");
    allow(1);
    ok(commit_await(c, &w) == 0 && c->syncs == 1,
       "who is alone waits for nobody");
}

static void
together(struct commit *c)
{
    struct commit_wish first, all[MANY];
    unsigned good = 0;

    commit_ask(c, &first);
    wait_begun(2);
    for (int i = 0; i < MANY; i++)
        commit_ask(c, &all[i]);
    allow(1);
    ok(commit_await(c, &first) == 0, "a sync under way ends for who asked "
       "before it");
    wait_begun(3);
    for (int i = 0; i < MANY; i++)
        good += !is_over(c, &all[i]);
    ok(good == MANY, "who asks meanwhile is not served by it: his name may "
       "have come too late");
    allow(1);
    for (int i = 0; i < MANY; i++)
        good -= commit_await(c, &all[i]) == 0;
    ok(good == 0 && c->syncs == 3, "all of them share the next");
}

static void
failure(struct commit *c)
{
    struct commit_wish bad[2], good;

    fails = true;
    commit_ask(c, &bad[0]);
    wait_begun(4);
    commit_ask(c, &bad[1]);
    allow(2);
    ok(commit_await(c, &bad[0]) == -EIO && commit_await(c, &bad[1]) == -EIO,
       "a failed sync is told to all it was for");
    pthread_mutex_lock(&lock);
    fails = false;
    pthread_mutex_unlock(&lock);
    commit_ask(c, &good);
    allow(1);
    ok(commit_await(c, &good) == 0, "and to nobody after it");
}

static void
whole(int fd)
{
    static struct commit c;
    struct commit_wish w;

    ok(commit_start(&c, fd, true) == 0, "a file system may be synced");
    commit_ask(&c, &w);
    ok(commit_await(&c, &w) == 0 && begun == 6,
       "instead of a folder that can't be opened");
}

int
main(void)
{
    static struct commit c;
    int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || commit_start(&c, fd, false) < 0)
        return 2;
    alone(&c);
    together(&c);
    failure(&c);
    whole(fd);
    return tap_end();
}
