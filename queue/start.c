#include "queue/start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "queue/listen.h"

enum { SAY_AFTER = 1, TRY_AGAIN_NS = 50 * 1000 * 1000 };

static const char submit[] = "submit", door[] = "door", control[] = "control";

/* With an end: a spool whose instance does not end is for the operator. */
static void
take_lock(const struct supervise_plan *p, unsigned wait)
{
    const char *queue = p->instance->paths.queue;
    struct timespec pause = {0, TRY_AGAIN_NS};
    time_t begin = time(NULL);
    bool said = false;

    while (flock(p->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            log_die("fatal path=%s/lock why=%s", queue, strerror(errno));
        if (time(NULL) >= begin + wait)
            log_die("fatal path=%s why=%s", queue,
                    "another instance runs on this spool");
        if (!said && time(NULL) > begin + SAY_AFTER) {
            log_event("wait path=%s why=%s", queue,
                      "waiting for another instance to end");
            said = true;
        }
        nanosleep(&pause, NULL);
    }
}

static void
open_spool(struct supervise_plan *p, unsigned wait)
{
    const char *queue = p->instance->paths.queue;
    int dir, r;

    if ((r = file_opendir(&dir, AT_FDCWD, queue)) < 0)
        log_die("fatal path=%s why=%s", queue, strerror(-r));
    p->lock = openat(dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (p->lock < 0)
        log_die("fatal path=%s/lock why=%s", queue, strerror(errno));
    take_lock(p, wait);
    if ((r = file_opendir(&p->todo, dir, "todo")) < 0)
        log_die("fatal path=%s/todo why=%s", queue, strerror(-r));
    file_close(&dir);
}

static void
open_socket(int *fd, int dir, const char *name, const struct jail_user *owner,
            mode_t mode, const char *folder)
{
    int r = listen_at(fd, dir, name, owner, mode);

    if (r < 0)
        log_die("fatal path=%s/%s why=%s", folder, name, strerror(-r));
}

static void
read_settings(struct supervise_plan *p)
{
    const char *folder = p->instance->paths.control;
    uint64_t n = 1;
    int dir, r;

    if ((r = file_opendir(&dir, AT_FDCWD, folder)) < 0)
        log_die("fatal path=%s why=%s", folder, strerror(-r));
    r = conf_number(dir, "remoteworkers", 1, REMOTES_MAX, &n);
    if (r < 0 || n == 0)
        log_die("fatal setting=remoteworkers why=%s",
                r == -EINVAL || r == 0 ? "no number of 1 to 16"
                                       : strerror(-r));
    p->remotes = (unsigned)n;
    file_close(&dir);
}

void
start_open(struct supervise_plan *p, unsigned wait)
{
    const char *run = p->instance->paths.run;
    struct jail_user spool = instance_owner(p->instance, true);
    struct jail_user self = instance_owner(p->instance, false);
    int dir, r;

    read_settings(p);
    open_spool(p, wait);
    if ((r = file_makedir(AT_FDCWD, run, 0755)) < 0 ||
        (r = file_opendir(&dir, AT_FDCWD, run)) < 0)
        log_die("fatal path=%s why=%s", run, strerror(-r));
    open_socket(&p->submit, dir, submit, &self, 0666, run);
    open_socket(&p->door, dir, door, &spool, 0600, run);
    open_socket(&p->control, dir, control, &self, 0666, run);
    file_close(&dir);
}

void
start_close(struct supervise_plan *p)
{
    int dir;

    if (file_opendir(&dir, AT_FDCWD, p->instance->paths.run) == 0) {
        file_remove(dir, submit);
        file_remove(dir, door);
        file_remove(dir, control);
    }
    file_close(&dir);
    file_close(&p->submit);
    file_close(&p->door);
    file_close(&p->control);
    file_close(&p->todo);
    file_close(&p->lock);
}
