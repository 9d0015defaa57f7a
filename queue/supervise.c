#include "queue/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/job.h"
#include "base/log.h"
#include "queue/child.h"
#include "queue/commands.h"
#include "queue/life.h"
#include "queue/programs.h"
#include "queue/ready.h"

enum {
    CHECK_WAIT_MS = 30 * 1000,  /* for godwit check before a reload */
    KILL_AGAIN_MS = 1000,
    KILL_ROUNDS = 10,
    POLL_MAX_MS = 60 * 1000,
};

/* From REMOTE on as many as the plan says. */
enum which { ENQUEUE, MANAGER, LOCAL, CHECK, REMOTE };

enum { CHILDREN_MAX = REMOTE + REMOTES_MAX };

struct supervisor {
    const struct supervise_plan *plan;
    struct child children[CHILDREN_MAX];
    enum which end;        /* behind the last of them */
    int signals;
    int channel;           /* to the manager; -1: none */
    int alive[2];          /* enqueue sees our end by it */
    struct life life;
    int ready_fd;
    uint64_t now;
    uint64_t kill_ms;      /* 0: nobody is to be killed */
    unsigned kill_rounds;
    uint64_t check_ms;     /* when check took too long */
    bool check_again;
    bool ready, stopping, unclean;
};

static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGALRM};

static uint64_t
clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool
runs(const struct supervisor *s, enum which w)
{
    return s->children[w].pid != 0;
}

static bool
is_worker(enum which w)
{
    return w == LOCAL || w >= REMOTE;
}

static bool
worker_runs(const struct supervisor *s)
{
    for (enum which w = 0; w < s->end; w++)
        if (is_worker(w) && runs(s, w))
            return true;
    return false;
}

static void
tell(struct supervisor *s, enum which w, int sig)
{
    if (runs(s, w))
        kill(s->children[w].pid, sig);
}

/* Settings are checked by a program of their own before anybody reads
 * them. */
static void
start_check(struct supervisor *s)
{
    s->check_again = runs(s, CHECK);
    if (!s->check_again &&
        program_check(&s->children[CHECK], s->plan, s->now) == 0)
        s->check_ms = s->now + CHECK_WAIT_MS;
}

static void
on_checked(struct supervisor *s, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_LATER;

    /* Usage: these programs were built without that command. */
    if (code == EXIT_OK || code == EXIT_USAGE) {
        log_event("reload");
        tell(s, MANAGER, SIGHUP);
        tell(s, ENQUEUE, SIGHUP);
    } else {
        log_event("refuse reload=%d why=%s", code,
                  "godwit check found faults; the old settings stay");
    }
    if (s->check_again)
        start_check(s);
}

/* Workers see their sockets end and finish; a new manager comes when the
 * last of them and of their deliverers is gone. */
static void
on_manager_end(struct supervisor *s)
{
    file_close(&s->channel);
    life_leave(&s->life);
    if (!s->stopping)
        s->kill_ms = s->now + s->plan->drain * 1000ull;
    s->kill_rounds = 0;
}

static void
on_end(struct supervisor *s, enum which w, int status)
{
    bool told = s->stopping || w == CHECK ||
                (is_worker(w) && !runs(s, MANAGER));
    bool by_term = WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;

    child_ended(&s->children[w], status, !told, s->now);
    if (s->stopping && w != CHECK && status != 0 && !by_term)
        s->unclean = true;
    if (w == MANAGER && s->stopping)
        tell(s, ENQUEUE, SIGTERM);
    if (w == MANAGER)
        on_manager_end(s);
    if (w == CHECK && !s->stopping)
        on_checked(s, status);
}

/* Who is stopped reports no job and sees no socket end.  The others hold up
 * what can wait: they are left to whoever stopped them. */
static void
on_still(struct supervisor *s, enum which w, int signal)
{
    struct child *c = &s->children[w];

    log_event("stopped program=%s pid=%d signal=%d then=%s", c->program,
              c->pid, signal, is_worker(w) ? "killed if it stays so"
                                           : "waiting for it");
    c->stopped_ms = s->now;
}

static void
on_goes_on(struct supervisor *s, enum which w)
{
    struct child *c = &s->children[w];

    log_event("continued program=%s pid=%d", c->program, c->pid);
    c->stopped_ms = 0;
}

static void
on_status(struct supervisor *s, enum which w, int status)
{
    if (WIFSTOPPED(status))
        on_still(s, w, WSTOPSIG(status));
    else if (WIFCONTINUED(status))
        on_goes_on(s, w);
    else
        on_end(s, w, status);
}

/* Also those that became ours when their parent died; they have no line. */
static void
reap(struct supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0)
        for (enum which w = 0; w < s->end; w++)
            if (s->children[w].pid == pid) {
                on_status(s, w, status);
                break;
            }
}

/* The manager ends its workers itself, after their open jobs. */
static void
stop(struct supervisor *s)
{
    if (s->stopping)
        return;
    log_event("stop");
    s->stopping = true;
    s->kill_ms = s->now + s->plan->stop * 1000ull;
    s->kill_rounds = 0;
    life_leave(&s->life);
    /* Its last bounces go through enqueue, which is told when it has ended. */
    tell(s, MANAGER, SIGTERM);
    if (s->children[MANAGER].pid <= 0)
        tell(s, ENQUEUE, SIGTERM);
    tell(s, CHECK, SIGTERM);
}

static void
on_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof info) == sizeof info)
        switch (info.ssi_signo) {
        case SIGTERM:
        case SIGINT:
            stop(s);
            break;
        case SIGHUP:
            if (!s->stopping)
                start_check(s);
            break;
        case SIGALRM:
            tell(s, MANAGER, SIGALRM);
            break;
        }
    reap(s);
}

static void
on_channel(struct supervisor *s)
{
    struct buf b = {0};
    int fd;
    ssize_t n = job_recv(s->channel, &b, &fd);

    file_close(&fd);
    if (n > 0 && view_is(buf_view(&b), "ready")) {
        if (!s->ready) {
            log_event("ready");
            ready_tell(s->plan->notify_socket, &s->ready_fd);
        }
        s->ready = true;
    } else if (n != -EAGAIN && n <= 0) {
        file_close(&s->channel);
    }
    buf_free(&b);
}

/* Nobody is left who may deliver.  The pipe is asked first: once it ended it
 * is closed, and poll does not show it again. */
static bool
gone(struct supervisor *s)
{
    bool over = life_over(&s->life);

    return over && !runs(s, MANAGER) && !worker_runs(s);
}

/* Workers first, then in the next round the deliverers they leave to us. */
static void
kill_late(struct supervisor *s)
{
    if (!worker_runs(s))
        life_kill(&s->life);
    for (enum which w = 0; w < s->end; w++)
        if (runs(s, w) && (s->stopping || is_worker(w))) {
            log_event("kill program=%s pid=%d why=%s",
                      s->children[w].program, s->children[w].pid,
                      "did not end in time");
            tell(s, w, SIGKILL);
        }
    s->unclean = s->unclean || s->stopping;
    s->kill_ms = s->now + KILL_AGAIN_MS;
    s->kill_rounds++;
}

/* When it will have stood still for too long; 0: it does not. */
static uint64_t
still_ms(const struct supervisor *s, enum which w)
{
    const struct child *c = &s->children[w];

    return is_worker(w) && c->stopped_ms
        ? c->stopped_ms + s->plan->still * 1000ull : 0;
}

/* With all it forked, which may stand still too and would stay for ever. */
static void
kill_group(struct supervisor *s, enum which w)
{
    if (kill(-s->children[w].pid, SIGKILL) < 0)
        tell(s, w, SIGKILL);
}

/* Its jobs are LATER then, and tried again. */
static void
kill_still(struct supervisor *s)
{
    for (enum which w = 0; w < s->end; w++)
        if (still_ms(s, w) && still_ms(s, w) <= s->now) {
            log_event("kill program=%s pid=%d why=%s",
                      s->children[w].program, s->children[w].pid,
                      "stopped by a signal for too long");
            kill_group(s, w);
            s->children[w].stopped_ms = 0;
        }
}

static bool
due(const struct supervisor *s, enum which w)
{
    return !runs(s, w) && s->children[w].due_ms <= s->now;
}

static void
start_due(struct supervisor *s, bool all_gone)
{
    const struct supervise_plan *p = s->plan;
    struct child *c = s->children;

    if (due(s, ENQUEUE))
        program_enqueue(&c[ENQUEUE], p, s->alive[0], s->now);
    if (all_gone && due(s, MANAGER))
        program_manager(&c[MANAGER], p, &s->channel, &s->life, s->now);
    for (enum which w = 0; w < s->end; w++)
        if (is_worker(w) && runs(s, MANAGER) && due(s, w))
            program_worker(&c[w], p, s->channel, &s->life, s->now);
}

/* Everything that time or the last events made possible. */
static void
step(struct supervisor *s)
{
    bool all_gone = gone(s);

    if (s->kill_ms && all_gone && !s->stopping)
        s->kill_ms = 0;
    if (s->kill_ms && s->kill_ms <= s->now)
        kill_late(s);
    kill_still(s);
    if (runs(s, CHECK) && s->check_ms <= s->now) {
        tell(s, CHECK, SIGKILL);
        s->check_ms = s->now + KILL_AGAIN_MS;
    }
    if (!s->stopping)
        start_due(s, all_gone);
}

static bool
finished(struct supervisor *s)
{
    if (s->stopping && s->kill_rounds > KILL_ROUNDS)
        return true;
    return s->stopping && !runs(s, ENQUEUE) && !runs(s, CHECK) && gone(s);
}

/* How long nothing can happen without an event. */
static int
patience(struct supervisor *s)
{
    uint64_t until = s->now + POLL_MAX_MS;

    if (s->kill_ms && s->kill_ms < until)
        until = s->kill_ms;
    if (runs(s, CHECK) && s->check_ms < until)
        until = s->check_ms;
    for (enum which w = 0; w < s->end; w++)
        if (still_ms(s, w) && still_ms(s, w) < until)
            until = still_ms(s, w);
    for (enum which w = 0; !s->stopping && w < s->end; w++)
        if (w != CHECK && !runs(s, w) && s->children[w].due_ms > s->now &&
            s->children[w].due_ms < until)
            until = s->children[w].due_ms;
    return until > s->now ? (int)(until - s->now) : 0;
}

static void
wait_for_events(struct supervisor *s)
{
    struct pollfd fds[] = {
        {.fd = s->signals, .events = POLLIN},
        {.fd = s->channel, .events = POLLIN},
        {.fd = s->life.read, .events = POLLIN},
    };

    if (poll(fds, 3, patience(s)) < 0 && errno != EINTR)
        log_die("fatal why=%s", strerror(errno));
    s->now = clock_ms();
    if (fds[1].revents)
        on_channel(s);
    if (fds[0].revents)
        on_signals(s);
}

void
supervise_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        /* Not SIG_IGN, which we may have been started with. */
        signal(signals[i], SIG_DFL);
        sigaddset(&set, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaddset(&set, signals[i]);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
supervise_run(const struct supervise_plan *plan)
{
    struct supervisor s = {
        .plan = plan,
        .children = {
            [ENQUEUE] = {.program = PROGRAM_ENQUEUE},
            [MANAGER] = {.program = PROGRAM_MANAGER},
            [LOCAL] = {.program = PROGRAM_LOCAL},
            [CHECK] = {.program = PROGRAM_CHECK},
        },
        .signals = open_signals(), .channel = -1, .life = {-1, -1},
        .ready_fd = plan->ready_fd, .now = clock_ms(),
    };

    s.end = REMOTE + plan->remotes;
    for (enum which w = REMOTE; w < s.end; w++)
        s.children[w].program = PROGRAM_REMOTE;
    if (s.signals < 0 || pipe2(s.alive, O_CLOEXEC) < 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        log_die("fatal why=%s", strerror(errno));
    for (step(&s); !finished(&s); step(&s))
        wait_for_events(&s);
    file_close(&s.ready_fd);
    file_close(&s.alive[0]);
    file_close(&s.alive[1]);
    file_close(&s.channel);
    file_close(&s.signals);
    return s.unclean ? EXIT_LATER : EXIT_OK;
}
