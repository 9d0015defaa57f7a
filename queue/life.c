#include "queue/life.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

enum { STAT_MAX = 4096, LINK_MAX_HERE = 64 };

int
life_open(struct life *l)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    l->read = ends[0];
    l->write = ends[1];
    return 0;
}

void
life_leave(struct life *l)
{
    file_close(&l->write);
}

bool
life_over(struct life *l)
{
    char scrap[64];
    ssize_t n = 0;

    if (l->write >= 0)
        return false;
    while (l->read >= 0 && (n = read(l->read, scrap, sizeof scrap)) > 0)
        ;
    if (n < 0)
        return false;
    file_close(&l->read);
    return true;
}

/* The fourth field of /proc/PID/stat; the second, in brackets, may hold
 * anything. */
static bool
is_child(int procdir, const char *pid)
{
    struct buf path = {0}, stat = {0};
    const char *end;
    int parent = -1;

    buf_print(&path, "%s/stat", pid);
    if (file_read(procdir, path.data, STAT_MAX, &stat) == 0 && stat.len &&
        (end = strrchr(stat.data, ')')))
        sscanf(end + 1, " %*c %d", &parent);
    buf_free(&stat);
    buf_free(&path);
    return parent == getpid();
}

/* In doubt it does: it would be waited for otherwise. */
static bool
holds(int procdir, const char *pid, ino_t pipe_inode)
{
    char want[LINK_MAX_HERE], got[LINK_MAX_HERE];
    struct buf path = {0};
    struct dirent *d;
    bool found = false;
    DIR *dir = NULL;
    int fd;

    snprintf(want, sizeof want, "pipe:[%ju]", (uintmax_t)pipe_inode);
    buf_print(&path, "%s/fd", pid);
    if (file_opendir(&fd, procdir, path.data) < 0 || !(dir = fdopendir(fd))) {
        file_close(&fd);
        buf_free(&path);
        return true;
    }
    while (!found && (d = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), d->d_name, got, sizeof got - 1);

        got[n > 0 ? n : 0] = 0;
        found = strcmp(got, want) == 0;
    }
    closedir(dir);
    buf_free(&path);
    return found;
}

void
life_kill(const struct life *l)
{
    struct stat st;
    struct dirent *d;
    DIR *proc;

    if (l->read < 0 || fstat(l->read, &st) < 0 || !(proc = opendir("/proc")))
        return;
    while ((d = readdir(proc)))
        if (isdigit((unsigned char)d->d_name[0]) &&
            is_child(dirfd(proc), d->d_name) &&
            holds(dirfd(proc), d->d_name, st.st_ino) &&
            kill((pid_t)atoi(d->d_name), SIGKILL) == 0)
            log_event("kill pid=%s why=%s", d->d_name,
                      "did not end with its manager");
    closedir(proc);
}
