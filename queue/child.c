#include "queue/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

enum { FIRST_FD = 3, FILES_MAX = 65536 };

unsigned
child_delay(unsigned last_ms, uint64_t lived_ms)
{
    if (lived_ms > CHILD_PROVEN_MS)
        return 0;
    if (last_ms == 0)
        return CHILD_DELAY_MIN_MS;
    return last_ms < CHILD_DELAY_MAX_MS / 2 ? last_ms * 2
                                            : CHILD_DELAY_MAX_MS;
}

static void
plan_restart(struct child *c, bool fault, uint64_t now_ms)
{
    c->pid = 0;
    c->stopped_ms = 0;
    c->delay_ms = fault ? child_delay(c->delay_ms, now_ms - c->started_ms)
                        : 0;
    c->due_ms = now_ms + c->delay_ms;
}

void
child_ended(struct child *c, int status, bool fault, uint64_t now_ms)
{
    if (WIFSIGNALED(status))
        log_event("exit program=%s pid=%d signal=%d", c->program, c->pid,
                  WTERMSIG(status));
    else
        log_event("exit program=%s pid=%d status=%d", c->program, c->pid,
                  WEXITSTATUS(status));
    plan_restart(c, fault, now_ms);
}

void
child_failed(struct child *c, uint64_t now_ms)
{
    c->started_ms = now_ms;
    plan_restart(c, true, now_ms);
}

/* Through numbers above all targets, so that none overwrites another. */
static int
place_descriptors(const struct child_plan *p)
{
    int above = FIRST_FD + (int)p->fd_count, high[CHILD_FDS_MAX];

    for (unsigned i = 0; i < p->fd_count; i++)
        if ((high[i] = fcntl(p->fds[i], F_DUPFD, above)) < 0)
            return -errno;
    for (unsigned i = 0; i < p->fd_count; i++)
        if (dup2(high[i], FIRST_FD + (int)i) < 0)
            return -errno;
    if (dup2(2, 1) < 0 || close_range((unsigned)above, ~0u, 0) < 0)
        return -errno;
    return 0;
}

static void
place_signals(const struct child_plan *p)
{
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        if (sig != SIGKILL && sig != SIGSTOP)
            signal(sig, SIG_DFL);
    if (!p->execs) {
        /* Passed on by start, perhaps before the program listens. */
        signal(SIGHUP, SIG_IGN);
        signal(SIGALRM, SIG_IGN);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
prepare(const struct child_plan *p)
{
    int r;

    umask(p->umask);
    if ((r = place_descriptors(p)) < 0 ||
        (r = jail_limits(p->execs ? 0 : FILES_MAX)) < 0 ||
        (p->user && (r = jail_become(p->user)) < 0) ||
        (!p->execs && (r = jail_nonewprivs()) < 0))
        return r;
    place_signals(p);
    return 0;
}

__attribute__((noreturn)) static void
become(const struct child *c, const struct child_plan *p)
{
    char *argv[] = {(char *)c->program, (char *)p->argument, NULL};
    struct buf path = {0};
    int r;

    /* A ^C at a terminal is for start alone. */
    setpgid(0, 0);
    buf_print(&path, "%s/%s", p->folder, c->program);
    if ((r = prepare(p)) == 0) {
        execv(path.data, argv);
        r = -errno;
    }
    log_event("fatal program=%s path=%s why=%s", c->program, path.data,
              strerror(-r));
    _exit(111);
}

int
child_start(struct child *c, const struct child_plan *p, uint64_t now_ms)
{
    pid_t pid = fork();

    if (pid == 0)
        become(c, p);
    if (pid < 0) {
        int r = -errno;

        log_event("fatal program=%s why=%s", c->program, strerror(-r));
        child_failed(c, now_ms);
        return r;
    }
    c->pid = pid;
    c->started_ms = now_ms;
    log_event("start program=%s pid=%d", c->program, c->pid);
    return 0;
}
