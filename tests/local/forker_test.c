#include "local/forker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "local/parcel.h"
#include "tests/tap.h"

enum { UID = 64101, NO_FD = 9999, MANY = 20000 };

static uint64_t numbers;

static int
start(void)
{
    struct child_facts facts = {.me = "mx", .become = geteuid() == 0,
                                .instruction = "/nowhere/at/all/"};
    int life[2], sock;

    if (pipe2(life, O_CLOEXEC) < 0 || forker_start(&facts, life[1], &sock) < 0)
        exit(2);
    file_close(&life[0]);
    file_close(&life[1]);
    return sock;
}

/* An account with that many groups, from first on. */
static struct account
account_of(gid_t first, size_t count)
{
    bool root = geteuid() == 0;
    struct account a = {.name = strdup("ann"), .home = strdup("/"),
                        .uid = root ? UID : geteuid(),
                        .gid = root ? UID : getegid(),
                        .group_count = count};

    a.groups = calloc(count + 1, sizeof *a.groups);
    for (size_t i = 0; i < count; i++)
        a.groups[i] = first + (gid_t)i;
    return a;
}

/* The one child that process has, or 0. */
static pid_t
child_of(pid_t parent)
{
    char path[64];
    struct buf b = {0};
    pid_t pid = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent,
             (int)parent);
    if (file_read(AT_FDCWD, path, 4096, &b) == 0 && b.len)
        pid = (pid_t)strtol(b.data, NULL, 10);
    buf_free(&b);
    return pid;
}

/* A deliverer's end of a delivery tells that it has become what it is. */
static bool
one_report(int jobs)
{
    struct pollfd p = {jobs, POLLIN, 0};
    struct job j = {.number = 1, .rcpt_count = 1, .attempt = 1};
    struct buf b = {0};
    struct view rest;
    struct report r;
    int fd = -1;
    bool good;

    j.rcpts[0].address = view_of("ann@example.org");
    parcel_add(&b, &j, view_make("", 0));
    good = job_send(jobs, buf_view(&b), -1) == 0 &&
           poll(&p, 1, 60000) > 0;
    buf_clear(&b);
    good = good && job_recv(jobs, &b, &fd) > 0;
    rest = buf_view(&b);
    good = good && parcel_takereport(&rest, &r) == 1 &&
           !strstr(r.outcome.text, "cannot become");
    buf_free(&b);
    return good;
}

/* How many groups a process has, and the first; -1: it cannot be seen. */
static long
groups_of(pid_t pid, gid_t *first)
{
    char path[64], *p, *end;
    struct buf b = {0};
    long n = -1;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (file_read(AT_FDCWD, path, 1 << 20, &b) == 0 &&
        (p = strstr(b.data, "\nGroups:"))) {
        p += strlen("\nGroups:");
        for (n = 0; *p && *p != '\n'; p = end) {
            gid_t g;

            while (*p == ' ' || *p == '\t')
                p++;
            g = (gid_t)strtoul(p, &end, 10);
            if (end == p)
                break;
            if (n++ == 0)
                *first = g;
        }
    }
    buf_free(&b);
    return n;
}

static bool
wait_event(int sock, struct forker_event *e)
{
    struct pollfd p = {sock, POLLIN, 0};

    return poll(&p, 1, 60000) > 0 && forker_read(sock, e) == 1;
}

/* The groups of the deliverer that is made for a. */
static long
groups_for(int sock, const struct account *a, gid_t *first)
{
    struct forker_event e;
    long n = -1;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
        forker_ask(sock, ++numbers, a, pair[1]) < 0)
        exit(2);
    file_close(&pair[1]);
    if (one_report(pair[0]))
        n = groups_of(child_of(child_of(getpid())), first);
    file_close(&pair[0]);
    if (!wait_event(sock, &e) || e.number != numbers || e.status != 0)
        n = -1;
    return n;
}

static void
test_groups(void)
{
    struct account none = account_of(0, 0), two = account_of(70000, 2),
                   other = account_of(80000, 3), many = account_of(100000, MANY);
    gid_t first = 0;
    int sock = start();

    ok(groups_for(sock, &two, &first) == 2 && first == 70000,
       "a deliverer has its account's groups");
    ok(groups_for(sock, &other, &first) == 3 && first == 80000,
       "and the next account's has its own");
    ok(groups_for(sock, &many, &first) == MANY && first == 100000,
       "many groups too");
    ok(groups_for(sock, &none, &first) == 0, "and none where there are none");
    ok(forker_ask(sock, ++numbers, &many, NO_FD) == -EBADF &&
       groups_for(sock, &two, &first) == 2 && first == 70000,
       "what was told of one that was not made is nobody else's");
    ok(forker_ask(sock, ++numbers, &many, NO_FD) == -EBADF &&
       groups_for(sock, &none, &first) == 0,
       "nor one's who has no groups");
    file_close(&sock);
    waitpid(-1, NULL, 0);
    account_free(&none);
    account_free(&two);
    account_free(&other);
    account_free(&many);
}

static void
test_life(void)
{
    struct account a = account_of(0, 0);
    struct forker_event e;
    int pair[2], sock = start();
    uint64_t number = ++numbers;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        exit(2);
    ok(forker_read(sock, &e) == 0, "without deliverers nothing happens");
    ok(forker_ask(sock, number, &a, pair[1]) == 0, "one is asked for");
    forker_kill(sock, number);
    ok(wait_event(sock, &e) && e.number == number && WIFSIGNALED(e.status),
       "its end is told");
    forker_kill(sock, number);
    ok(forker_read(sock, &e) == 0, "once");
    kill(child_of(getpid()), SIGKILL);
    waitpid(-1, NULL, 0);
    ok(forker_read(sock, &e) == -EPIPE, "and so is the forker's own");
    forker_kill(sock, number);
    ok(forker_ask(sock, ++numbers, &a, pair[1]) < 0,
       "after which nobody is made");
    file_close(&pair[0]);
    file_close(&pair[1]);
    file_close(&sock);
    account_free(&a);
}

/* It takes a great deal that it has not read. */
static _Noreturn void
talk_to_stopped(int tell)
{
    struct account a = account_of(0, 0);
    struct forker_event e;
    int sock = start();
    pid_t pid = child_of(getpid());

    alarm(120);
    forker_ask(sock, ++numbers, &a, tell);
    forker_kill(sock, numbers);
    if (!wait_event(sock, &e) || pid <= 0 || kill(pid, SIGSTOP) < 0 ||
        write(tell, &pid, sizeof pid) != sizeof pid)
        _exit(2);
    for (;;)
        forker_kill(sock, ++numbers);
}

static void
test_stopped(void)
{
    int status = 0, pair[2];
    pid_t pid, forker = 0;

    if (pipe2(pair, O_CLOEXEC) < 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        exit(2);
    fflush(stdout);
    if ((pid = fork()) == 0)
        talk_to_stopped(pair[1]);
    file_close(&pair[1]);
    ok(read(pair[0], &forker, sizeof forker) == sizeof forker &&
       waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
       WEXITSTATUS(status) == 111,
       "a forker that was stopped is not waited for beyond a deadline");
    ok(forker > 0 && waitpid(forker, &status, 0) == forker &&
       WIFEXITED(status) && WEXITSTATUS(status) == 0,
       "and does not stay behind");
    file_close(&pair[0]);
}

int
main(void)
{
    alarm(120);
    if (geteuid() == 0)
        test_groups();
    else
        skip("groups: not root");
    test_life();
    test_stopped();
    return tap_end();
}
