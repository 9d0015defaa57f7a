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

/* Datagrams: 'g' how many groups of the account that comes next were sent
 * before, and some more; 'f' number, uid, gid, how many groups, name, 0,
 * home, with the descriptor; 'k' number.  Back: struct forker_event. */
enum { GROUPS_AT_ONCE = 8192, GROUPS_HEAD = 1 + 4, ASK_HEAD = 1 + 8 + 4 * 3 };

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

/* It reads whatever else it does, so it is waited for, but not for ever: a
 * process that was stopped would be served by nobody.  What was not told is
 * LATER by our end. */
static int
post(int sock, const struct buf *b, int fd)
{
    struct pollfd p = {sock, POLLOUT, 0};
    int r;

    while ((r = job_send(sock, buf_view(b), fd)) == -EAGAIN)
        if (poll(&p, 1, FORKER_PATIENCE * 1000) == 0)
            log_die("fatal program=local why=\"the forker does not answer\"");
    return r;
}

/* Also where there are none: what an account left that was not asked for in
 * the end is forgotten by the first of these. */
static int
send_groups(int sock, const struct account *a)
{
    struct buf b = {0};
    size_t i = 0;
    int r;

    do {
        size_t end = i + GROUPS_AT_ONCE;

        buf_clear(&b);
        buf_addbyte(&b, 'g');
        buf_addu32(&b, (uint32_t)i);
        for (; i < a->group_count && i < end; i++)
            buf_addu32(&b, a->groups[i]);
        r = post(sock, &b, -1);
    } while (r == 0 && i < a->group_count);
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
    buf_addu32(&b, (uint32_t)a->group_count);
    buf_add(&b, a->name, strlen(a->name) + 1);
    buf_add(&b, a->home, strlen(a->home) + 1);
    if (b.len > JOB_MAX)
        r = -ENAMETOOLONG;
    else if ((r = send_groups(sock, a)) == 0)
        r = post(sock, &b, jobs);
    buf_free(&b);
    return r;
}

/* That the process is gone is seen by reading; a kill that cannot be asked
 * for otherwise would leave a deliverer that nobody watches. */
void
forker_kill(int sock, uint64_t number)
{
    struct buf b = {0};
    int r;

    buf_addbyte(&b, 'k');
    buf_addu64(&b, number);
    r = post(sock, &b, -1);
    buf_free(&b);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET)
        log_die("fatal program=local why=%s", strerror(-r));
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

/* The first of an account's begin anew. */
static void
add_groups(struct account *a, struct view v)
{
    struct view list = view_from(v, GROUPS_HEAD);
    size_t more = list.len / 4;

    if (get_u32(v.data + 1) == 0)
        a->group_count = 0;
    a->groups = mem_grow(a->groups,
                         (a->group_count + more + 1) * sizeof *a->groups);
    for (size_t i = 0; i < more; i++)
        a->groups[a->group_count++] = get_u32(list.data + 4 * i);
}

/* The account; its groups were told before. */
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

/* Nobody gets other groups than those his account has. */
static void
serve_ask(struct forker *f, struct view v, uint64_t number, int jobs)
{
    if (get_u32(v.data + 17) == f->account.group_count)
        bear(f, number, jobs);
    else
        tell(f, number, -EPROTO);
    account_free(&f->account);
}

static void
obey(struct forker *f, struct view v, int jobs)
{
    uint64_t number;

    if (v.data[0] == 'g' && v.len >= GROUPS_HEAD) {
        add_groups(&f->account, v);
    } else if (v.data[0] == 'k' && v.len == 9) {
        slay(f, get_u64(v.data + 1));
    } else if (v.data[0] == 'f' && parse_ask(f, v, &number)) {
        serve_ask(f, v, number, jobs);
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

    /* Should it be stopped when its parent ends: then it goes on, to its own
     * end. */
    prctl(PR_SET_PDEATHSIG, SIGCONT);
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
    if (pid < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) {
        r = -errno;
        file_close(&pair[0]);
    }
    file_close(&pair[1]);
    *sock = pair[0];
    return r;
}
