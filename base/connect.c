#include "base/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"

static int
connect_to(const struct sockaddr_un *sun)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)sun, sizeof *sun) < 0)
        r = -errno;
    if (r < 0)
        file_close(&fd);
    return r < 0 ? r : fd;
}

/* The folder by descriptor. */
static int
connect_long(const char *dir, const char *name)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (dirfd < 0)
        return -errno;
    snprintf(sun.sun_path, sizeof sun.sun_path, "/proc/self/fd/%d/%s", dirfd,
             name);
    r = connect_to(&sun);
    file_close(&dirfd);
    return r;
}

int
connect_unix(const char *dir, const char *name)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    /* A path may be longer than sun_path holds. */
    if (snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", dir, name) >=
        (int)sizeof sun.sun_path)
        return connect_long(dir, name);
    return connect_to(&sun);
}
