#include "inject/beside.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

/* With SIGPIPE as it is for commands, whatever it is here. */
static int
spawn(pid_t *pid, const char *path, char *const argv[])
{
    posix_spawnattr_t attributes;
    sigset_t pipe;
    int r;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &pipe);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    r = posix_spawn(pid, path, NULL, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    return -r;
}

static int
code_of(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                               : WEXITSTATUS(status);
}

int
beside_run(const char *name, char *const argv[])
{
    char self[PATH_MAX];
    struct buf path = {0};
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    size_t slash;
    pid_t pid;
    int r;

    if (n < 0)
        return -errno;
    slash = view_findlast(view_make(self, (size_t)n), '/');
    if (slash == (size_t)n)
        return -ENOENT;
    buf_add(&path, self, slash + 1);
    buf_addstr(&path, name);
    r = spawn(&pid, path.data, argv);
    buf_free(&path);
    return r < 0 ? r : code_of(pid);
}
