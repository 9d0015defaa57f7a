/* kill_at.c - runs a program and ends it before its n-th change of state
 *
 * Lies under the program's own name; the real one is in real/ beside it.  A
 * tracer, which this program forks first, sees each system call that changes
 * something outside the process (a seccomp filter stops the others nowhere).
 * What to do is in PLAN, a file beside it named NAME.plan:
 *     kill N        SIGKILL before call N, counted over all its processes
 *     fail N ERRNO NAME   the first call NAME from the N-th on does nothing
 *                         and gives -ERRNO
 *     count         nothing
 * It holds for the first life after it is written (the file is taken away).
 * NAME.calls gets a line for each call: its number, its name, and where in
 * the program it is (the first return address on the stack). */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
    long number;
    const char *name;
};

static const struct call calls[] = {
    {SYS_write, "write"}, {SYS_writev, "writev"}, {SYS_pwrite64, "pwrite"},
    {SYS_pwritev, "pwritev"}, {SYS_openat, "openat"}, {SYS_link, "link"},
    {SYS_linkat, "linkat"}, {SYS_unlink, "unlink"},
    {SYS_unlinkat, "unlinkat"}, {SYS_rename, "rename"},
    {SYS_renameat, "renameat"}, {SYS_renameat2, "renameat2"},
    {SYS_fsync, "fsync"}, {SYS_fdatasync, "fdatasync"},
    {SYS_syncfs, "syncfs"}, {SYS_mkdir, "mkdir"}, {SYS_mkdirat, "mkdirat"},
    {SYS_ftruncate, "ftruncate"}, {SYS_fallocate, "fallocate"},
    {SYS_sendmsg, "sendmsg"}, {SYS_sendto, "sendto"},
    {SYS_connect, "connect"},
};

enum { CALLS = sizeof calls / sizeof *calls };

static char real_path[4096], plan_path[4096], calls_path[4096];
static unsigned long text_start, text_end, load_base;
static long at, seen;
static char fail_name[16];
static int struck;
static int fail_with, log_fd;
static pid_t target;

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
    struct sock_fprog prog = {.len = CALLS + 4, .filter = f};
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

/* Where the real program's text lies in pid. */
static void
find_text(pid_t pid)
{
    char path[64], line[4500], perms[8], file[4096];
    unsigned long start, end, offset;
    FILE *f;

    text_start = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        file[0] = 0;
        if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %4095s", &start, &end,
                   perms, &offset, file) < 4 || strcmp(file, real_path) != 0)
            continue;
        if (offset == 0)
            load_base = start;
        if (perms[2] == 'x') {
            text_start = start;
            text_end = end;
        }
    }
    if (f)
        fclose(f);
}

static unsigned long
place(pid_t pid, const struct user_regs_struct *regs)
{
    unsigned long words[256];
    struct iovec here = {words, sizeof words};
    struct iovec there = {(void *)regs->rsp, sizeof words};
    ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

    for (ssize_t i = 0; i < n / (ssize_t)sizeof *words; i++)
        if (words[i] >= text_start && words[i] < text_end)
            return words[i] - load_base;
    return 0;
}

/* A pipe, an eventfd or the log within the process is nobody's business. */
static int
changes(pid_t pid, const struct user_regs_struct *regs)
{
    char path[64], to[64] = "";

    switch (regs->orig_rax) {
    case SYS_openat:
        return (regs->rdx & (O_CREAT | O_TRUNC)) != 0 ||
               (regs->rdx & O_ACCMODE) != O_RDONLY;
    case SYS_write:
    case SYS_writev:
        if (regs->rdi == 2)
            return 0;
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid,
                 (int)regs->rdi);
        return readlink(path, to, sizeof to - 1) > 0 &&
               strncmp(to, "anon_inode", 10) != 0 &&
               strncmp(to, "pipe", 4) != 0;
    }
    return 1;
}

static const char *
name_of(unsigned long number)
{
    for (int i = 0; i < CALLS; i++)
        if (calls[i].number == (long)number)
            return calls[i].name;
    return "?";
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

static void
on_call(pid_t pid)
{
    struct user_regs_struct regs;
    struct iovec io = {&regs, sizeof regs};
    char line[128];
    int n, now;

    if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) < 0 ||
        !changes(pid, &regs))
        return;
    if (!text_start)
        find_text(pid);
    seen++;
    now = fail_with ? !struck && at > 0 && seen >= at &&
                          strcmp(name_of(regs.orig_rax), fail_name) == 0
                    : seen == at;
    struck |= now;
    n = snprintf(line, sizeof line, "%ld %s %lx%s\n", seen,
                 name_of(regs.orig_rax), place(pid, &regs),
                 now ? " *" : "");
    if (write(log_fd, line, (size_t)n) < 0)
        return;
    if (!now)
        return;
    if (!fail_with) {
        kill_group(pid);
        return;
    }
    regs.orig_rax = (unsigned long)-1;
    regs.rax = (unsigned long)-fail_with;
    ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io);
}

static void
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
        if (status >> 16 == PTRACE_EVENT_STOP) {
            /* A new process, or a stop of the group: both go on. */
            ptrace(PTRACE_CONT, pid, 0, 0);
            continue;
        }
        if (status >> 16)
            sig = 0;
        ptrace(PTRACE_CONT, pid, 0, sig);
    }
}

static void
read_plan(void)
{
    FILE *f = fopen(plan_path, "r");
    char word[16] = "";

    if (!f)
        return;
    if (fscanf(f, "%15s %ld %d %15s", word, &at, &fail_with,
               fail_name) >= 1 &&
        strcmp(word, "count") == 0)
        at = -1;
    fclose(f);
    unlink(plan_path);
}

int
main(int argc, char **argv)
{
    char self[4000], *slash;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    int ready[2];
    char byte;
    pid_t tracer;

    (void)argc;
    must(n > 0, "readlink");
    self[n] = 0;
    slash = strrchr(self, '/');
    *slash = 0;
    snprintf(real_path, sizeof real_path, "%s/real/%s", self, slash + 1);
    snprintf(plan_path, sizeof plan_path, "%s/%s.plan", self, slash + 1);
    snprintf(calls_path, sizeof calls_path, "%s/%s.calls", self, slash + 1);
    read_plan();
    if (at == 0) {
        execv(real_path, argv);
        must(0, real_path);
    }
    target = getpid();
    must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    tracer = fork();
    must(tracer >= 0, "fork");
    if (tracer == 0) {
        if (fork() > 0)
            _exit(0);
        setsid();
        log_fd = open(calls_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                      0644);
        must(log_fd >= 0, calls_path);
        must(ptrace(PTRACE_SEIZE, target, 0,
                    PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE |
                        PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                        PTRACE_O_TRACEEXEC) == 0, "seize");
        must(write(ready[1], "", 1) == 1, "write");
        /* Descriptors of the program must end with it. */
        for (int fd = 0; fd < 256; fd++)
            if (fd != log_fd && fd != 2)
                close(fd);
        trace();
    }
    waitpid(tracer, NULL, 0);
    close(ready[1]);
    must(read(ready[0], &byte, 1) == 1, "tracer");
    close(ready[0]);
    must(filter() == 0, "filter");
    execv(real_path, argv);
    must(0, real_path);
}
