#include "remote/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static bool
good_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || (c && strchr("-._~+/=", c));
}

bool
token_name(struct view name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!good_byte(name.data[i]) || name.data[i] == '/')
            return false;
    return name.len >= 1 && name.len <= TOKEN_NAME_MAX && *name.data != '.';
}

static bool
good_token(struct view token)
{
    for (size_t i = 0; i < token.len; i++)
        if (!good_byte(token.data[i]))
            return false;
    return token.len >= 1 && token.len <= TOKEN_MAX;
}

/* All of fd that fits, without waiting: a pipe has nothing to say. */
static ssize_t
read_file(int fd, char *data, size_t size)
{
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EBADMSG;
    if (st.st_mode & 077)
        return -EPERM;
    n = pread(fd, data, size, 0);
    return n < 0 ? file_errno() : n;
}

int
token_read(int folder, struct view name, struct buf *out)
{
    char path[TOKEN_NAME_MAX + 1], data[TOKEN_MAX + 2];
    struct view token;
    bool good;
    ssize_t n;
    int fd;

    if (!token_name(name))
        return -EBADMSG;
    snprintf(path, sizeof path, "%.*s", (int)name.len, name.data);
    fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    n = read_file(fd, data, sizeof data);
    file_close(&fd);
    if (n < 0)
        return (int)n;
    token = view_make(data, (size_t)n);
    token = view_trim(view_make(data, view_find(token, '\n')));
    if ((good = good_token(token)))
        buf_addview(out, token);
    explicit_bzero(data, sizeof data);
    return good ? 0 : -EBADMSG;
}
