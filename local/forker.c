#include "local/forker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/job.h"
#include "base/log.h"
#include "base/mem.h"

/* Datagrams: 'g' some groups of the account that comes next; 'f' number,
 * uid, gid, name, 0, home, with the descriptor; 'k' number.  Back:
 * struct forker_event. */
enum { GROUPS_AT_ONCE = 8192, ASK_HEAD = 1 + 8 + 4 + 4 };

struct born {
    pid_t pid;
    uint64_t number;
};

struct forker {
    struct child_facts facts;
    struct account account;  /* of the next child */
    int sock;
    struct born *born;
    size_t born_count;
    struct forker_event *events; /* not sent yet */
    size_t event_count;
};

static int
send_groups(int sock, const struct account *a)
{
    struct buf b = {0};
    int r = 0;

    for (size_t i = 0; i < a->group_count && r == 0;) {
        size_t end = i + GROUPS_AT_ONCE;

        buf_clear(&b);
        buf_addbyte(&b, 'g');
        for (; i < a->group_count && i < end; i++)
            buf_addu32(&b, a->groups[i]);
        r = job_send(sock, buf_view(&b), -1);
    }
    buf_free(&b);
    return r;
}

int
forker_ask(int sock, uint64_t number, const struct account *a, int jobs)
{
    struct buf b = {0};
    int r;

    buf_addbyte(&b, 'f');
    buf_addu64(&b, number);
    buf_addu32(&b, a->uid);
    buf_addu32(&b, a->gid);
    buf_add(&b, a->name, strlen(a->name) + 1);
    buf_add(&b, a->home, strlen(a->home) + 1);
    if (b.len > JOB_MAX)
        r = -ENAMETOOLONG;
    else if ((r = send_groups(sock, a)) == 0)
        r = job_send(sock, buf_view(&b), jobs);
    buf_free(&b);
    return r;
}

void
forker_kill(int sock, uint64_t number)
{
    struct buf b = {0};

    buf_addbyte(&b, 'k');
    buf_addu64(&b, number);
    job_send(sock, buf_view(&b), -1); /* fails if it is gone: seen by reading */
    buf_free(&b);
}

int
forker_read(int sock, struct forker_event *e)
{
    ssize_t n;

    do
        n = recv(sock, e, sizeof *e, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n == sizeof *e)
        return 1;
    return n < 0 && errno == EAGAIN ? 0 : -EPIPE;
}

/* From here on: inside of the process.  It never waits for its parent, who
 * may be waiting for it. */

static void
tell(struct forker *f, uint64_t number, int status)
{
    struct forker_event *e;

    f->events = mem_grow(f->events, (f->event_count + 1) * sizeof *e);
    e = &f->events[f->event_count++];
    memset(e, 0, sizeof *e);
    e->number = number;
    e->status = status;
}

static void
send_events(struct forker *f)
{
    size_t done = 0;

    while (done < f->event_count &&
           send(f->sock, &f->events[done], sizeof *f->events,
                MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        done++;
    if (done == 0)
        return;
    f->event_count -= done;
    memmove(f->events, f->events + done, f->event_count * sizeof *f->events);
}

static void
reap(struct forker *f)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < f->born_count; i++)
            if (f->born[i].pid == pid) {
                tell(f, f->born[i].number, status);
                f->born[i] = f->born[--f->born_count];
                break;
            }
}

static void
bear(struct forker *f, uint64_t number, int jobs)
{
    sigset_t none;
    pid_t pid = fork();

    if (pid == 0) {
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        child_run(&f->facts, jobs);
    }
    if (pid < 0) {
        tell(f, number, -errno);
        return;
    }
    f->born = mem_grow(f->born, (f->born_count + 1) * sizeof *f->born);
    f->born[f->born_count++] = (struct born){pid, number};
}

static void
add_groups(struct account *a, struct view list)
{
    size_t more = list.len / 4;

    a->groups = mem_grow(a->groups,
                         (a->group_count + more + 1) * sizeof *a->groups);
    for (size_t i = 0; i < more; i++)
        a->groups[a->group_count++] = get_u32(list.data + 4 * i);
}

static bool
parse_ask(struct forker *f, struct view v, uint64_t *number)
{
    struct view text;
    size_t end;

    if (v.len < ASK_HEAD)
        return false;
    *number = get_u64(v.data + 1);
    f->account.uid = get_u32(v.data + 9);
    f->account.gid = get_u32(v.data + 13);
    text = view_from(v, ASK_HEAD);
    end = view_find(text, 0);
    if (end + 1 >= text.len || text.data[text.len - 1])
        return false;
    f->account.name = mem_string(text.data);
    f->account.home = mem_string(text.data + end + 1);
    return true;
}

static void
slay(const struct forker *f, uint64_t number)
{
    for (size_t i = 0; i < f->born_count; i++)
        if (f->born[i].number == number)
            kill(f->born[i].pid, SIGKILL);
}

static void
obey(struct forker *f, struct view v, int jobs)
{
    uint64_t number;

    if (v.data[0] == 'g') {
        add_groups(&f->account, view_from(v, 1));
    } else if (v.data[0] == 'k' && v.len == 9) {
        slay(f, get_u64(v.data + 1));
    } else if (v.data[0] == 'f' && parse_ask(f, v, &number)) {
        bear(f, number, jobs);
        account_free(&f->account);
        memset(&f->account, 0, sizeof f->account);
    } else {
        log_die("fatal program=local why=\"the forker was not understood\"");
    }
}

static _Noreturn void
serve(struct forker *f, int children)
{
    struct signalfd_siginfo info;
    struct buf b = {0};
    ssize_t n;
    int jobs;

    for (;;) {
        struct pollfd p[] = {
            {f->sock, POLLIN | (f->event_count ? POLLOUT : 0), 0},
            {children, POLLIN, 0},
        };

        if (poll(p, 2, -1) < 0)
            continue;
        if (p[1].revents && read(children, &info, sizeof info) > 0)
            reap(f);
        send_events(f);
        if (!(p[0].revents & ~POLLOUT))
            continue;
        buf_clear(&b);
        if ((n = job_recv(f->sock, &b, &jobs)) <= 0)
            _exit(n < 0 ? 111 : 0);
        obey(f, buf_view(&b), jobs);
        file_close(&jobs);
    }
}

static _Noreturn void
run(const struct child_facts *facts, int sock, int life)
{
    struct forker f = {.facts = *facts};
    sigset_t set;
    int r, children;

    if ((r = child_prepare(sock, life)) < 0)
        log_die("fatal program=local why=%s", strerror(-r));
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if ((children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        log_die("fatal program=local why=%s", strerror(errno));
    prctl(PR_SET_NAME, "godwit-forker");
    f.facts.account = &f.account;
    f.sock = CHILD_SOCK;
    serve(&f, children);
}

int
forker_start(const struct child_facts *f, int life, int *sock)
{
    int pair[2], r = 0;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid = fork();
    if (pid == 0)
        run(f, pair[1], life);
    if (pid < 0) {
        r = -errno;
        file_close(&pair[0]);
    }
    file_close(&pair[1]);
    *sock = pair[0];
    return r;
}
