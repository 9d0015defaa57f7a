#include "queue/syncs.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

/* model: incoming-sync */
void
syncs_add(struct syncs *y, int fd, int *result)
{
    assert(y->count < SYNCS_MAX);
    y->fds[y->count] = fd;
    y->results[y->count++] = result;
}

/* One file gains nothing. */
void
syncs_begin(struct syncs *y)
{
    struct iocb *calls[SYNCS_MAX];
    long n;

    if (y->count < 2 || (!y->kernel && syscall(SYS_io_setup, SYNCS_MAX,
                                               &y->kernel) < 0))
        return;
    for (unsigned i = 0; i < y->count; i++) {
        y->calls[i] = (struct iocb){.aio_lio_opcode = IOCB_CMD_FSYNC,
                                    .aio_fildes = (uint32_t)y->fds[i],
                                    .aio_data = i};
        calls[i] = &y->calls[i];
    }
    n = syscall(SYS_io_submit, y->kernel, (long)y->count, calls);
    y->begun = n < 0 ? 0 : (unsigned)n;
}

/* Some of those that were begun have ended. */
static void
collect(struct syncs *y)
{
    struct io_event events[SYNCS_MAX];
    long n = syscall(SYS_io_getevents, y->kernel, (long)y->begun,
                     (long)y->begun, events, NULL);

    assert(n >= 0 || errno == EINTR);
    for (long i = 0; i < n; i++) {
        *y->results[events[i].data] = (int)events[i].res;
        y->begun--;
    }
}

void
syncs_end(struct syncs *y)
{
    /* Those it didn't take, from the first that it refused. */
    for (unsigned i = y->begun; i < y->count; i++)
        *y->results[i] = file_sync(y->fds[i]);
    while (y->begun > 0)
        collect(y);
    y->count = 0;
}
