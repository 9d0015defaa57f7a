/* sandbox_probe - preloaded into godwit-remote, tries what it must not do
 *
 * At the first connect to an IP address each attempt is made and its errno
 * printed.  PROBE_NOSECCOMP, PROBE_NOLANDLOCK: that part of the sandbox is
 * left out, which the test must find. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void
say(const char *what, long result)
{
    char line[400];
    int n = snprintf(line, sizeof line, "probe %s %s\n", what,
                     result < 0 ? strerrorname_np(errno) : "works");

    if (write(2, line, (size_t)n) < 0)
        abort();
}

static void
try_open(const char *what, const char *path, int flags)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, flags, 0600);

    say(what, fd);
    if (fd >= 0)
        close((int)fd);
}

static void
try_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    say("fork", pid);
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

/* A process that is gone if this works, so in a child where there may be
 * one. */
static void
try_exec(void)
{
    char *const none[] = {NULL};
    pid_t pid = fork();

    if (pid > 0) {
        waitpid(pid, NULL, 0);
        return;
    }
    /* What works says nothing more: so it is said before, by a file. */
    if (access("/bin/true", X_OK) == 0 && pid == 0)
        say("exec-in-child", 0);
    say("exec", execve("/bin/true", none, none));
    if (pid == 0)
        _exit(0);
}

static void
try_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    say("unix-socket", fd);
    if (fd >= 0)
        close(fd);
}

static void
try_all(void)
{
    const char *spool = getenv("PROBE_SPOOL");

    try_open("open-spool", spool, O_RDONLY);
    try_open("create", "/tmp/godwit-probe", O_RDWR | O_CREAT);
    unlink("/tmp/godwit-probe");
    try_open("open-folder", "/", O_RDONLY | O_DIRECTORY);
    try_open("open-proc", "/proc/self/mem", O_RDWR);
    say("unlink", unlink(spool));
    try_fork();
    try_exec();
    say("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0));
    say("kill", kill(getppid(), 0));
    try_unix("/");
    say("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
    say("packet", socket(AF_PACKET, SOCK_RAW, 0));
    say("listen", listen(socket(AF_INET, SOCK_STREAM, 0), 1));
    say("inet", socket(AF_INET, SOCK_STREAM, 0));
    say("inet6", socket(AF_INET6, SOCK_DGRAM, 0));
}

int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
    static int done;

    if (!done && getenv("PROBE_SPOOL") && address->sa_family == AF_INET) {
        done = 1;
        try_all();
    }
    return (int)syscall(SYS_connect, fd, address, len);
}

int seccomp_load(void *filter);

int
seccomp_load(void *filter)
{
    int (*real)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "seccomp_load");

    return getenv("PROBE_NOSECCOMP") ? 0 : real(filter);
}

long
syscall(long number, ...)
{
    long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT,
                                                         "syscall");
    long a[6];
    va_list ap;

    va_start(ap, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    if (number == SYS_landlock_restrict_self && getenv("PROBE_NOLANDLOCK"))
        return 0;
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
