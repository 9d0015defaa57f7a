#include "queue/syncs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/tap.h"

/* In place of the library's. */
static int refused;    /* errno of io_setup, or 0 */
static long taken = SYNCS_MAX; /* by io_submit at most */
static long fails = -1; /* the one whose sync ends with EIO */
static unsigned one_by_one;
static int files[SYNCS_MAX];

int
fsync(int fd)
{
    one_by_one++;
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

/* The kernel, which ends half of what is waited for at a time. */
long
syscall(long number, ...)
{
    static struct iocb *calls[SYNCS_MAX];
    static long count, next;
    aio_context_t *context;
    struct io_event *events;
    va_list list;
    long n = 0;

    va_start(list, number);
    if (number == SYS_io_setup) {
        (void)va_arg(list, long);
        context = va_arg(list, aio_context_t *);
        if ((errno = refused))
            n = -1;
        else
            *context = 7;
    } else if (number == SYS_io_submit) {
        (void)va_arg(list, aio_context_t);
        count = va_arg(list, long);
        struct iocb **from = va_arg(list, struct iocb **);
        for (next = 0; n < count && n < taken &&
             fcntl((int)from[n]->aio_fildes, F_GETFD) >= 0; n++)
            calls[n] = from[n];
        count = n;
        if (n == 0) {
            errno = EBADF;
            n = -1;
        }
    } else {
        (void)va_arg(list, aio_context_t);
        (void)va_arg(list, long);
        (void)va_arg(list, long);
        events = va_arg(list, struct io_event *);
        for (long half = (count - next + 1) / 2; n < half; n++, next++)
            events[n] = (struct io_event){
                .data = calls[next]->aio_data,
                .res = next == fails ? -EIO : 0};
    }
    va_end(list);
    return n;
}

static int results[SYNCS_MAX];

static void
sync_them(struct syncs *y, unsigned count)
{
    one_by_one = 0;
    for (unsigned i = 0; i < count; i++) {
        results[i] = 99;
        syncs_add(y, files[i], &results[i]);
    }
    syncs_begin(y);
    syncs_end(y);
}

/* Whether all of count went well but for those two. */
static bool
good_but(unsigned count, int bad, int worse)
{
    for (int i = 0; i < (int)count; i++)
        if ((results[i] == 0) == (i == bad || i == worse))
            return false;
    return true;
}

static void
together(void)
{
    static struct syncs y;

    sync_them(&y, 1);
    ok(good_but(1, -1, -1) && one_by_one == 1 && !y.kernel,
       "a file that is alone is synced as ever");
    sync_them(&y, SYNCS_MAX);
    ok(good_but(SYNCS_MAX, -1, -1) && one_by_one == 0,
       "the kernel is given several at once");
    fails = 5;
    sync_them(&y, SYNCS_MAX);
    ok(good_but(SYNCS_MAX, 5, -1) && results[5] == -EIO,
       "a failed sync is told to the one whose it is");
    fails = -1;
    taken = 3;
    sync_them(&y, 10);
    ok(good_but(10, -1, -1) && one_by_one == 7,
       "those that the kernel doesn't take are synced one by one");
    fails = 2;
    sync_them(&y, 10);
    ok(good_but(10, 2, -1), "which doesn't touch what becomes of the others");
    fails = -1;
    taken = SYNCS_MAX;
    sync_them(&y, 0);
    ok(one_by_one == 0, "none are none");
}

static void
wrong(void)
{
    static struct syncs y;
    int kept = files[4], first = files[0];

    files[4] = -1;
    sync_them(&y, 8);
    ok(good_but(8, 4, -1) && results[4] == -EBADF,
       "one that can't be synced is told so, and the others are");
    files[0] = -1;
    sync_them(&y, 8);
    ok(good_but(8, 0, 4), "also where it is the first");
    files[4] = kept;
    files[0] = first;
}

static void
without(void)
{
    static struct syncs y;

    refused = ENOSYS;
    sync_them(&y, 8);
    ok(good_but(8, -1, -1) && one_by_one == 8,
       "where the kernel can't do it all are synced one by one");
    refused = 0;
    sync_them(&y, 8);
    ok(good_but(8, -1, -1) && one_by_one == 0, "until it can");
}

int
main(void)
{
    for (int i = 0; i < SYNCS_MAX; i++)
        if ((files[i] = open("/", O_RDONLY | O_DIRECTORY)) < 0)
            return 2;
    together();
    wrong();
    without();
    return tap_end();
}
