#include "base/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"

/* A path may be longer than sun_path holds: the folder by descriptor. */
int
connect_unix(const char *dir, const char *name)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd, r = 0;

    if (dirfd < 0)
        return -errno;
    snprintf(sun.sun_path, sizeof sun.sun_path, "/proc/self/fd/%d/%s", dirfd,
             name);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof sun) < 0)
        r = -errno;
    if (r < 0 && r != -EMFILE)
        /* Without /proc (a chroot) the plain path has to do. */
        if (snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", dir, name) <
                (int)sizeof sun.sun_path &&
            fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
            r = 0;
    file_close(&dirfd);
    if (r < 0)
        file_close(&fd);
    return r < 0 ? r : fd;
}
