/* kill_at.c - runs a program and ends it, or makes its calls fail
 *
 * Lies under the program's own name; the real one is in real/ beside it.  A
 * tracer, which this program forks first, sees the system calls that change
 * something outside the process, and those that may fail for want of
 * something (a seccomp filter stops the others nowhere).  What to do is in
 * the file that KILL_AT names: a struct control, shared with whoever wrote it
 * and with the program's later lives.  KILL_AT.calls gets a line for each
 * place (place.h) a life has met, or for each call if all are to be counted:
 * the number of changes so far, the call, its place, c if it changes
 * something, * if it was struck. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"

enum mode {
    NOTHING,  /* the program runs untraced */
    COUNT,
    KILL,     /* before change number `at`, counted over all lives */
    ONCE,     /* the at-th call of place does nothing and gives -error */
    LASTING,  /* that one and all behind it, until lifted */
};

struct plan {
    int32_t mode, error;
    int64_t at, met, struck;
    char place[224]; /* call@place */
};

struct control {
    struct plan plans[2];
    int64_t changes;
    int32_t lifted;
};

struct call {
    long number;
    const char *name;
    bool changes;
};

static const struct call calls[] = {
    {SYS_write, "write", 1}, {SYS_writev, "writev", 1},
    {SYS_pwrite64, "pwrite", 1}, {SYS_pwritev, "pwritev", 1},
    {SYS_openat, "openat", 1}, {SYS_link, "link", 1},
    {SYS_linkat, "linkat", 1}, {SYS_unlink, "unlink", 1},
    {SYS_unlinkat, "unlinkat", 1}, {SYS_rename, "rename", 1},
    {SYS_renameat, "renameat", 1}, {SYS_renameat2, "renameat2", 1},
    {SYS_fsync, "fsync", 1}, {SYS_fdatasync, "fdatasync", 1},
    {SYS_sync_file_range, "sync_file_range", 1},
    {SYS_io_submit, "io_submit", 1}, {SYS_io_setup, "io_setup", 0},
    {SYS_syncfs, "syncfs", 1}, {SYS_mkdir, "mkdir", 1},
    {SYS_mkdirat, "mkdirat", 1}, {SYS_ftruncate, "ftruncate", 1},
    {SYS_fallocate, "fallocate", 1}, {SYS_sendmsg, "sendmsg", 1},
    {SYS_sendto, "sendto", 1}, {SYS_connect, "connect", 1},
    {SYS_bind, "bind", 1}, {SYS_fchmod, "fchmod", 1},
    {SYS_fchmodat, "fchmodat", 1}, {SYS_fchownat, "fchownat", 1},
    {SYS_fchown, "fchown", 1}, {SYS_chmod, "chmod", 1},
    {SYS_read, "read", 0}, {SYS_pread64, "pread", 0},
    {SYS_readv, "readv", 0}, {SYS_preadv2, "preadv2", 0},
    {SYS_recvmsg, "recvmsg", 0},
    {SYS_recvfrom, "recvfrom", 0}, {SYS_accept4, "accept4", 0},
    {SYS_newfstatat, "newfstatat", 0}, {SYS_fstat, "fstat", 0},
    {SYS_stat, "stat", 0}, {SYS_statfs, "statfs", 0},
    {SYS_fstatfs, "fstatfs", 0}, {SYS_getdents64, "getdents64", 0},
    {SYS_socket, "socket", 0}, {SYS_socketpair, "socketpair", 0},
    {SYS_pipe2, "pipe2", 0}, {SYS_memfd_create, "memfd_create", 0},
    {SYS_clone, "clone", 0}, {SYS_fork, "fork", 0},
    {SYS_execve, "execve", 0}, {SYS_flock, "flock", 0},
    {SYS_listen, "listen", 0}, {SYS_dup2, "dup2", 0},
    {SYS_chdir, "chdir", 0},
    {SYS_dup3, "dup3", 0}, {SYS_open, "open", 1},
};

enum { CALLS = sizeof calls / sizeof *calls, PLACES_MAX = 4096 };

static char real_path[4096], calls_path[4096];
static struct control *control;
static uint64_t met[PLACES_MAX];
static int log_fd;

static void
must(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    _exit(111);
}

static int
filter(void)
{
    struct sock_filter f[CALLS + 4];
    struct sock_fprog prog = {.filter = f};
    int n = 0;

    f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                          offsetof(struct seccomp_data, nr));
    for (int i = 0; i < CALLS; i++)
        f[n++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number,
            (unsigned char)(CALLS - i), 0);
    f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    prog.len = (unsigned short)n;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0
               ? -1 : 0;
}

/* start's children execute other programs, which are nobody's business. */
static bool
is_program(pid_t pid)
{
    char path[64], exe[4096];
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    n = readlink(path, exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    return strcmp(exe, real_path) == 0;
}

/* A pipe within the process, an eventfd, the log: nobody's business. */
static bool
outside(pid_t pid, int fd)
{
    char path[64], to[64] = "";

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
    return fd != 2 && readlink(path, to, sizeof to - 1) > 0 &&
           strncmp(to, "anon_inode", 10) != 0 &&
           strncmp(to, "pipe", 4) != 0 && strncmp(to, "/dev/", 5) != 0;
}

/* Whether the call matters, and then in *changes whether it changes
 * something. */
static bool
matters(pid_t pid, const struct user_regs_struct *r, const struct call *c,
        bool *changes)
{
    unsigned long flags = c->number == SYS_open ? r->rsi : r->rdx;

    *changes = c->changes;
    switch (c->number) {
    case SYS_openat:
    case SYS_open:
        *changes = (flags & (O_CREAT | O_TRUNC)) != 0 ||
                   (flags & O_ACCMODE) != O_RDONLY;
        return true;
    case SYS_write:
    case SYS_writev:
    case SYS_read:
    case SYS_readv:
    case SYS_fstat:
        return outside(pid, (int)r->rdi);
    case SYS_newfstatat:
        /* fstat by another name. */
        return !(r->r10 & 0x1000) || outside(pid, (int)r->rdi);
    }
    return true;
}

/* What a library does by itself counts where it speaks with others; the rest
 * is the loader. */
static bool
speaks(pid_t pid, const struct user_regs_struct *r, const struct call *c)
{
    char path[64], to[64] = "";

    switch (c->number) {
    case SYS_read:
    case SYS_readv:
    case SYS_recvmsg:
    case SYS_recvfrom:
    case SYS_accept4:
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, (int)r->rdi);
        return readlink(path, to, sizeof to - 1) > 0 &&
               strncmp(to, "socket:", 7) == 0;
    }
    return false;
}

static const struct call *
call_of(unsigned long number)
{
    for (int i = 0; i < CALLS; i++)
        if (calls[i].number == (long)number)
            return &calls[i];
    return NULL;
}

/* The process that made the call is the one that dies. */
static void
kill_group(pid_t pid)
{
    char path[64], line[256];
    int tgid = pid;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Tgid: %d", &tgid) == 1)
            break;
    if (f)
        fclose(f);
    kill(tgid, SIGKILL);
}

static bool
strikes(struct plan *p, const char *place, int64_t change)
{
    switch (p->mode) {
    case KILL:
        return change == p->at;
    case ONCE:
        return strcmp(place, p->place) == 0 && ++p->met == p->at;
    case LASTING:
        return !control->lifted && strcmp(place, p->place) == 0 &&
               ++p->met >= p->at;
    }
    return false;
}

static bool
is_new(const char *place)
{
    uint64_t h = 14695981039346656037u;
    size_t i;

    for (const char *c = place; *c; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    h |= 1;
    for (i = h % PLACES_MAX; met[i] && met[i] != h; i = (i + 1) % PLACES_MAX)
        ;
    if (met[i])
        return false;
    met[i] = h;
    return true;
}

static void
on_call(pid_t pid)
{
    struct user_regs_struct regs;
    struct iovec io = {&regs, sizeof regs};
    char where[PLACE_MAX], place[PLACE_MAX + 16], line[PLACE_MAX + 64];
    const struct call *c;
    struct plan *struck = NULL;
    int64_t change = 0;
    bool changes, inside;

    if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) < 0 ||
        !(c = call_of(regs.orig_rax)) || !is_program(pid) ||
        !matters(pid, &regs, c, &changes))
        return;
    inside = place_print(pid, regs.rsp, where);
    if (!inside && !changes && !speaks(pid, &regs, c))
        return;
    snprintf(place, sizeof place, "%s@%s", c->name, where);
    if (changes)
        change = __atomic_add_fetch(&control->changes, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2 && !struck; i++)
        if (strikes(&control->plans[i], place, change))
            struck = &control->plans[i];
    if (struck || control->plans[0].mode == COUNT || is_new(place)) {
        int n = snprintf(line, sizeof line, "%jd %s%s%s\n", (intmax_t)change,
                         place, changes ? " c" : " r", struck ? " *" : "");

        if (write(log_fd, line, (size_t)n) < 0)
            return;
    }
    if (!struck)
        return;
    __atomic_add_fetch(&struck->struck, 1, __ATOMIC_RELAXED);
    if (struck->mode == KILL) {
        kill_group(pid);
        return;
    }
    regs.orig_rax = (unsigned long)-1;
    regs.rax = (unsigned long)-struck->error;
    ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io);
}

__attribute__((noreturn)) static void
trace(void)
{
    for (;;) {
        int status, sig;
        pid_t pid = waitpid(-1, &status, __WALL);

        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            _exit(0);
        if (!WIFSTOPPED(status))
            continue;
        sig = WSTOPSIG(status);
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
            on_call(pid);
        if (status >> 16 == PTRACE_EVENT_EXEC ||
            status >> 16 == PTRACE_EVENT_STOP)
            place_forget();
        /* A new process, or a stop of the group: both go on. */
        if (status >> 16)
            sig = 0;
        ptrace(PTRACE_CONT, pid, 0, sig);
    }
}

/* Whether there is something to do. */
static bool
open_control(const char *path)
{
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return false;
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED,
                   fd, 0);
    must(control != MAP_FAILED, path);
    close(fd);
    snprintf(calls_path, sizeof calls_path, "%s.calls", path);
    return control->plans[0].mode != NOTHING;
}

__attribute__((noreturn)) static void
begin_trace(pid_t target, int ready)
{
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE |
                   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACEEXEC;

    setsid();
    place_program(real_path);
    log_fd = open(calls_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                  0644);
    must(log_fd >= 0, calls_path);
    must(ptrace(PTRACE_SEIZE, target, 0, options) == 0, "seize");
    must(write(ready, "", 1) == 1, "write");
    /* Descriptors of the program must end with it. */
    for (int fd = 0; fd < 256; fd++)
        if (fd != log_fd && fd != 2)
            close(fd);
    trace();
}

int
main(int argc, char **argv)
{
    char self[4000], *slash;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    pid_t tracer, target = getpid();
    int ready[2];
    char byte;

    (void)argc;
    must(n > 0, "readlink");
    self[n] = 0;
    slash = strrchr(self, '/');
    *slash = 0;
    snprintf(real_path, sizeof real_path, "%s/real/%s", self, slash + 1);
    if (!open_control(getenv("KILL_AT"))) {
        execv(real_path, argv);
        must(0, real_path);
    }
    must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    tracer = fork();
    must(tracer >= 0, "fork");
    if (tracer == 0) {
        if (fork() > 0)
            _exit(0);
        begin_trace(target, ready[1]);
    }
    waitpid(tracer, NULL, 0);
    close(ready[1]);
    must(read(ready[0], &byte, 1) == 1, "tracer");
    close(ready[0]);
    must(filter() == 0, "filter");
    execv(real_path, argv);
    must(0, real_path);
}
