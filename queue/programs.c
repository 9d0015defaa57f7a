#include "queue/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/job.h"
#include "base/log.h"

static const struct jail_user *
user(const struct supervise_plan *p, enum instance_user u)
{
    return p->instance->split ? &p->instance->users[u] : NULL;
}

static void
failed(struct child *c, int r, uint64_t now_ms)
{
    log_event("fatal program=%s why=%s", c->program, strerror(-r));
    child_failed(c, now_ms);
}

static bool
make_pair(struct child *c, int ends[2], uint64_t now_ms)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
        return true;
    failed(c, -errno, now_ms);
    return false;
}

void
program_enqueue(struct child *c, const struct supervise_plan *p, int alive,
                uint64_t now_ms)
{
    struct child_plan plan = {
        .folder = p->folder, .user = user(p, USER_QUEUE),
        .fds = {p->submit, p->door, p->todo, alive, p->lock}, .fd_count = 5,
        .umask = 007,
    };

    child_start(c, &plan, now_ms);
}

void
program_manager(struct child *c, const struct supervise_plan *p, int *channel,
                struct life *life, uint64_t now_ms)
{
    struct child_plan plan = {
        .folder = p->folder, .user = user(p, USER_SPOOL), .umask = 022,
    };
    int ends[2], r;

    if (!make_pair(c, ends, now_ms))
        return;
    plan.fds[plan.fd_count++] = ends[1];
    plan.fds[plan.fd_count++] = p->lock;
    plan.fds[plan.fd_count++] = p->control;
    if ((r = life_open(life)) < 0) {
        failed(c, r, now_ms);
    } else if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 &&
               child_start(c, &plan, now_ms) == 0) {
        *channel = ends[0];
        ends[0] = -1;
    } else {
        life_leave(life);
    }
    file_close(&ends[0]);
    file_close(&ends[1]);
}

void
program_worker(struct child *c, const struct supervise_plan *p, int channel,
               const struct life *life, uint64_t now_ms)
{
    bool remote = strcmp(c->program, PROGRAM_REMOTE) == 0;
    struct child_plan plan = {
        .folder = p->folder, .user = remote ? user(p, USER_REMOTE) : NULL,
        .umask = 022, .execs = !remote,
    };
    int ends[2], r;

    if (!make_pair(c, ends, now_ms))
        return;
    plan.fds[plan.fd_count++] = ends[1];
    plan.fds[plan.fd_count++] = life->write;
    if (child_start(c, &plan, now_ms) == 0 &&
        (r = job_send(channel, view_of(remote ? "remote" : "local"),
                      ends[0])) < 0)
        log_event("fatal program=%s why=%s", c->program, strerror(-r));
    file_close(&ends[0]);
    file_close(&ends[1]);
}

int
program_check(struct child *c, const struct supervise_plan *p,
              uint64_t now_ms)
{
    struct child_plan plan = {
        .folder = p->folder, .argument = "check", .umask = 022,
    };

    return child_start(c, &plan, now_ms);
}
