#include "base/file.h"

#include <errno.h>
#include <unistd.h>

#include "tests/tap.h"

static int fault;

/* In place of the library's. */
ssize_t
pread(int fd, void *data, size_t len, off_t at)
{
    (void)fd;
    (void)data;
    (void)len;
    (void)at;
    errno = fault;
    return -1;
}

int
main(void)
{
    char byte;

    fault = EIO;
    ok(file_pread(0, &byte, 1, 0) == -EIO, "what the disk says is told");
    fault = EBADMSG;
    ok(file_pread(0, &byte, 1, 0) == -EIO, "damage of a file system is no "
       "damage of the bytes it holds");
    return tap_end();
}
