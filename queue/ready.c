#include "queue/ready.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

static void
notify(const char *address)
{
    static const char message[] = "READY=1";
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    size_t len = strlen(address);
    int fd;

    if (len == 0 || len >= sizeof sun.sun_path)
        return;
    memcpy(sun.sun_path, address, len);
    if (address[0] == '@')
        sun.sun_path[0] = 0;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        sendto(fd, message, strlen(message), MSG_NOSIGNAL,
               (struct sockaddr *)&sun,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        log_event("notify socket=%s why=%s", address, "cannot be reached");
    file_close(&fd);
}

void
ready_tell(const char *notify_socket, int *fd)
{
    if (notify_socket)
        notify(notify_socket);
    if (*fd >= 0)
        file_write(*fd, "\n", 1);
    file_close(fd);
}
