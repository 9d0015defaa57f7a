#include "queue/hint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/tap.h"

static char folder[] = "/tmp/hint-test-XXXXXX";
static uv_loop_t loop;
static struct hint hint;
static uint64_t first, last; /* to be told in the loop's next turn */

/* In place of the library's: so many writes of all ids that go at once
 * find no room. */
static unsigned full;

ssize_t
write(int fd, const void *data, size_t len)
{
    if (full > 0 && len == HINT_MAX * sizeof(uint64_t)) {
        full--;
        errno = EAGAIN;
        return -1;
    }
    return syscall(SYS_write, fd, data, len);
}

static void
on_turn(uv_async_t *turn)
{
    for (uint64_t id = first; id <= last; id++)
        hint_add(&hint, id);
    uv_close((uv_handle_t *)turn, NULL);
}

/* Messages from to upto come in one turn. */
static void
come(uint64_t from, uint64_t upto)
{
    uv_async_t turn;

    first = from;
    last = upto;
    uv_async_init(&loop, &turn, on_turn);
    uv_async_send(&turn);
    uv_run(&loop, UV_RUN_DEFAULT);
}

/* The ids that one read gives; 0: none. */
static size_t
heard(int fd, uint64_t *ids, size_t max)
{
    ssize_t n = read(fd, ids, max * sizeof *ids);

    for (ssize_t i = 0; i < n / (ssize_t)sizeof *ids; i++)
        ids[i] = get_u64(&ids[i]);
    return n < 0 ? 0 : (size_t)n / sizeof *ids;
}

static void
fill(int fd)
{
    char zeros[4096] = {0};

    fcntl(fd, F_SETPIPE_SZ, 4096);
    while (write(fd, zeros, sizeof zeros) > 0)
        ;
}

int
main(void)
{
    uint64_t ids[1000];
    int dir, in, out;
    size_t n;

    if (!mkdtemp(folder) || (dir = open(folder, O_RDONLY)) < 0)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    hint_init(&hint, &loop, dir);
    if (mkfifoat(dir, "trigger", 0600) < 0)
        return 2;
    come(1, 3);
    ok(hint.trigger < 0, "without a manager nobody is told");
    if ((in = openat(dir, "trigger", O_RDONLY | O_NONBLOCK)) < 0)
        return 2;
    come(4, 6);
    n = heard(in, ids, 1000);
    ok(n == 3 && ids[0] == 4 && ids[2] == 6,
       "those of one turn of the loop are told in its order");
    come(100, 100 + 2 * HINT_MAX);
    n = heard(in, ids, 1000);
    ok(n == 2 * HINT_MAX + 1 && ids[n - 1] == 100 + 2 * HINT_MAX,
       "however many they are");
    out = openat(dir, "trigger", O_WRONLY | O_NONBLOCK);
    fill(out);
    come(7, 8);
    while (heard(in, ids, 1000) > 0)
        ;
    come(9, 9);
    n = heard(in, ids, 1000);
    ok(n == 2 && ids[0] == 0 && ids[1] == 9,
       "after one that found no room the folder is to be looked at");
    come(10, 10);
    n = heard(in, ids, 1000);
    ok(n == 1 && ids[0] == 10, "once");
    full = 1;
    come(1000, 1000 + HINT_MAX);
    n = heard(in, ids, 1000);
    ok(n == 1 && ids[0] == 1000 + HINT_MAX, "of many the last may find room");
    come(13, 13);
    n = heard(in, ids, 1000);
    ok(n == 2 && ids[0] == 0 && ids[1] == 13,
       "and those that found none are not forgotten");
    close(in);
    come(11, 11);
    in = openat(dir, "trigger", O_RDONLY | O_NONBLOCK);
    come(12, 12);
    n = heard(in, ids, 1000);
    ok(n == 2 && ids[0] == 0 && ids[1] == 12,
       "and so after a manager that had gone");
    file_close(&hint.trigger);
    renameat(dir, "trigger", dir, "away");
    come(14, 14);
    renameat(dir, "away", dir, "trigger");
    come(15, 15);
    n = heard(in, ids, 1000);
    ok(n == 2 && ids[0] == 0 && ids[1] == 15,
       "and after a trigger that could not be opened");
    hint_look(&hint);
    n = heard(in, ids, 1000);
    ok(n == 1 && ids[0] == 0, "what another one may not have told is looked "
       "for at once");
    close(in);
    close(out);
    unlinkat(dir, "trigger", 0);
    rmdir(folder);
    return tap_end();
}
