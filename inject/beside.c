#include "inject/beside.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

int
beside_run(const char *name, char *const argv[])
{
    char self[PATH_MAX];
    struct buf path = {0};
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    size_t slash;
    int r;

    if (n < 0)
        return -errno;
    slash = view_findlast(view_make(self, (size_t)n), '/');
    if (slash == (size_t)n)
        return -ENOENT;
    buf_add(&path, self, slash + 1);
    buf_addstr(&path, name);
    execv(path.data, argv);
    r = -errno;
    buf_free(&path);
    return r;
}
