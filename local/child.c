#include "local/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "local/deliver.h"

enum { FIRST_FREE = CHILD_LIFE + 1 };

/* Whoever started us may have left some ignored.  A size limit is to be an
 * errno like any other. */
static void
reset_signals(void)
{
    sigset_t none;

    for (int s = 1; s < NSIG; s++)
        signal(s, s == SIGXFSZ || s == SIGPIPE ? SIG_IGN : SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only socket, life pipe and standard error stay. */
static int
drop_descriptors(int sock, int life)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    /* Copies above, so that neither lands on the other's number. */
    if (null < 0 || (sock = fcntl(sock, F_DUPFD_CLOEXEC, 16)) < 0 ||
        (life = fcntl(life, F_DUPFD_CLOEXEC, 16)) < 0)
        return -errno;
    if (dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
        dup3(sock, CHILD_SOCK, O_CLOEXEC) < 0 ||
        dup3(life, CHILD_LIFE, O_CLOEXEC) < 0 ||
        close_range(FIRST_FREE, ~0U, 0) < 0)
        return -errno;
    return 0;
}

int
child_prepare(int sock, int life)
{
    static const struct rlimit none = {0, 0};

    reset_signals();
    umask(077);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        setrlimit(RLIMIT_CORE, &none) < 0)
        return -errno;
    return drop_descriptors(sock, life);
}

static int
take_ids(const struct account *a)
{
    uid_t ru, eu, su;
    gid_t rg, eg, sg;

    if (a->uid == 0)
        return -EPERM;
    if (setgroups(a->group_count, a->groups) < 0 ||
        setresgid(a->gid, a->gid, a->gid) < 0 ||
        setresuid(a->uid, a->uid, a->uid) < 0 ||
        getresgid(&rg, &eg, &sg) < 0 || getresuid(&ru, &eu, &su) < 0)
        return -errno;
    if (rg != a->gid || eg != a->gid || sg != a->gid ||
        ru != a->uid || eu != a->uid || su != a->uid)
        return -EPERM;
    /* For good: whoever can go back never went. */
    if (setuid(0) == 0 || seteuid(0) == 0)
        return -EPERM;
    /* The memory still holds what the parent knew of other people's mail;
     * the account's other processes may not look at it. */
    return prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0;
}

static int
become(const struct child_facts *f)
{
    int r;

    if (f->become && (r = take_ids(f->account)) < 0)
        return r;
    if (geteuid() != f->account->uid || geteuid() == 0)
        return -EPERM;
    prctl(PR_SET_NAME, "godwit-deliver");
    return chdir(f->account->home) < 0 ? -errno : 0;
}

/* One parcel. */
struct parcel {
    struct buf bytes;       /* the deliveries' views point into it */
    struct delivery all[PARCEL_MAX];
    size_t count;
    int content;            /* of the only one; -1: held by each */
};

/* 1: it is there; 0: the end; -1: what nobody should send. */
static int
receive(struct parcel *p)
{
    struct view rest, held;
    struct job j;
    ssize_t n;
    int r;

    p->count = 0;
    buf_clear(&p->bytes);
    if ((n = job_recv(CHILD_SOCK, &p->bytes, &p->content)) <= 0)
        return n < 0 ? -1 : 0;
    rest = buf_view(&p->bytes);
    while ((r = parcel_take(&rest, &j, &held)) > 0) {
        if (p->count == PARCEL_MAX || (p->content >= 0 && p->count > 0) ||
            held.len != (p->content < 0 ? j.length : 0))
            return -1;
        delivery_init(&p->all[p->count++], &j, p->content, held);
    }
    return r < 0 ? r : 1;
}

static int
answer(const struct child_facts *f, struct parcel *p)
{
    struct buf b = {0};
    int r;

    for (size_t i = 0; i < p->count; i++)
        parcel_addreport(&b, &p->all[i].report);
    r = job_send(CHILD_SOCK, buf_view(&b), -1);
    for (size_t i = 0; r < 0 && i < p->count; i++) {
        const struct outcome *o = &p->all[i].report.outcome;

        log_event("unreported user=%s verdict=%s text=%s why=%s",
                  f->account->name, verdict_word(o->verdict), o->text,
                  strerror(-r));
    }
    buf_free(&b);
    return r;
}

/* Receives a parcel, answers it.  failed: what kept us from becoming the
 * account, or 0.  1: and on; 0: the end; -1: the end of a failure. */
static int
serve(const struct child_facts *f, struct parcel *p, int failed,
      struct deliver_place *place)
{
    int n;

    if ((n = receive(p)) <= 0)
        return n;
    if (!failed)
        deliver_run(place, p->all, p->count, f->instruction);
    for (size_t i = 0; failed && i < p->count; i++)
        outcome_errno(&p->all[i].report.outcome, failed,
                      "cannot become %s in %s", f->account->name,
                      f->account->home);
    file_close(&p->content);
    return answer(f, p) < 0 || failed ? -1 : 1;
}

_Noreturn void
child_run(const struct child_facts *f, int jobs)
{
    struct deliver_place place = {.me = f->me, .home = f->account->home};
    struct parcel *p = mem_alloc(sizeof *p);
    int r, going;

    if (dup3(jobs, CHILD_SOCK, O_CLOEXEC) < 0 ||
        close_range(FIRST_FREE, ~0U, 0) < 0) {
        log_event("deliverer-failed user=%s why=%s", f->account->name,
                  strerror(errno));
        _exit(111);
    }
    r = become(f);
    while ((going = serve(f, p, r, &place)) > 0)
        ;
    _exit(going < 0 ? 111 : 0);
}
