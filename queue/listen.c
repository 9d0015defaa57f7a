#include "queue/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"

static int
bind_at(int fd, int dirfd, const char *name)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    mode_t mask;
    int r;

    if (snprintf(sun.sun_path, sizeof sun.sun_path, "/proc/self/fd/%d/%s",
                 dirfd, name) >= (int)sizeof sun.sun_path)
        return -ENAMETOOLONG;
    mask = umask(0177);
    r = bind(fd, (struct sockaddr *)&sun, sizeof sun) < 0 ? -errno : 0;
    umask(mask);
    return r;
}

int
listen_at(int *fd, int dirfd, const char *name, const struct jail_user *owner,
          mode_t mode)
{
    int r;

    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return -errno;
    if ((r = file_remove(dirfd, name)) == 0 &&
        (r = bind_at(*fd, dirfd, name)) == 0 &&
        (fchownat(dirfd, name, owner->uid, owner->gid,
                  AT_SYMLINK_NOFOLLOW) < 0 ||
         fchmodat(dirfd, name, mode, 0) < 0 || listen(*fd, SOMAXCONN) < 0))
        r = -errno;
    if (r < 0)
        file_close(fd);
    return r;
}
