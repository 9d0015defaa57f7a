#include "base/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

static char home[] = "/tmp/jail_test.XXXXXX";

/* What try says in a child of its own: nothing here can be undone. */
static int
inside(int (*try)(void))
{
    pid_t pid;
    int status;

    fflush(stdout);
    if ((pid = fork()) == 0)
        _exit(try());
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static bool
denied(long r)
{
    return r < 0 && errno == EPERM;
}

static int
noexec_execve(void)
{
    char *argv[] = {(char *)"true", NULL};

    if (jail_seal(JAIL_NOEXEC) < 0)
        return 2;
    execv("/bin/true", argv);
    if (errno != EPERM)
        return 3;
    return denied(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, NULL,
                          0)) ? 0 : 4;
}

static int
sealed_never(void)
{
    if (jail_seal(0) < 0)
        return 2;
    if (!denied(ptrace(PTRACE_TRACEME, 0, NULL, NULL)))
        return 3;
    if (!denied(unshare(CLONE_NEWUSER)))
        return 4;
    if (!denied(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)))
        return 5;
    if (!denied(mount("none", "/tmp", "tmpfs", 0, NULL)))
        return 6;
    if (!denied(syscall(SYS_bpf, 0, NULL, 0)))
        return 7;
    if (!denied(syscall(SYS_keyctl, 0, 0, 0)))
        return 8;
    if (!denied(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0)))
        return 9;
    if (!denied(syscall(SYS_io_uring_setup, 1, NULL)))
        return 10;
    return 0;
}

static int
sealed_exec(void)
{
    if (jail_seal(JAIL_NONETWORK) < 0)
        return 2;
    execl("/bin/true", "true", (char *)NULL);
    return 3;
}

static void *
answer(void *data)
{
    *(bool *)data = socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM;
    return NULL;
}

static int
sealed_thread(void)
{
    pthread_t thread;
    bool seen = false;

    if (jail_seal(JAIL_NOEXEC | JAIL_NONETWORK | JAIL_NOLISTDIR) < 0)
        return 2;
    if (pthread_create(&thread, NULL, answer, &seen) != 0 ||
        pthread_join(thread, NULL) != 0)
        return 3;
    return seen ? 0 : 4;
}

static int gate[2];

static void *
answer_late(void *data)
{
    char c;

    if (read(gate[0], &c, 1) == 1)
        answer(data);
    return NULL;
}

static int
sealed_old_thread(void)
{
    pthread_t thread;
    bool seen = false;

    if (pipe(gate) < 0 ||
        pthread_create(&thread, NULL, answer_late, &seen) != 0 ||
        jail_seal(JAIL_NONETWORK) < 0 || write(gate[1], "x", 1) != 1 ||
        pthread_join(thread, NULL) != 0)
        return 2;
    return seen ? 0 : 3;
}

static int
nonetwork(void)
{
    int pair[2];

    if (jail_seal(JAIL_NONETWORK) < 0)
        return 2;
    if (!denied(socket(AF_INET, SOCK_STREAM, 0)) ||
        !denied(socket(AF_INET6, SOCK_DGRAM, 0)) ||
        !denied(socket(AF_NETLINK, SOCK_RAW, 0)) ||
        !denied(socket(AF_PACKET, SOCK_RAW, 0)) ||
        !denied(socket(AF_VSOCK, SOCK_STREAM, 0)))
        return 3;
    if (socket(AF_UNIX, SOCK_STREAM, 0) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
        return 4;
    return 0;
}

static int
nolistdir(void)
{
    char space[4096];
    int fd = open("/", O_RDONLY | O_DIRECTORY);

    if (fd < 0 || jail_seal(JAIL_NOLISTDIR) < 0)
        return 2;
    if (!denied(syscall(SYS_getdents64, fd, space, sizeof space)))
        return 3;
    return open("/dev/null", O_RDWR) < 0 ? 4 : 0;
}

#ifdef SYS_open
enum { WAYS = 4 };
#else
enum { WAYS = 2 };
#endif

/* Opens a file in one of the ways there are. */
static long
opened(int way)
{
    const uint64_t how[3] = {O_RDONLY}; /* struct open_how */

    if (way == 0)
        return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
    if (way == 1)
        return syscall(SYS_openat2, AT_FDCWD, "/dev/null", how, sizeof how);
#ifdef SYS_open
    if (way == 2)
        return syscall(SYS_open, "/dev/null", O_RDONLY);
    if (way == 3)
        return syscall(SYS_creat, "/dev/null", 0);
#endif
    return -1;
}

static int
all_denied(unsigned kinds)
{
    if (jail_seal(kinds) < 0)
        return 2;
    for (int way = 0; way < WAYS; way++)
        if (!denied(opened(way)))
            return 3 + way;
    return 0;
}

static int
nofiles(void)
{
    return all_denied(JAIL_NOFILES);
}

static int
nofiles_nochange(void)
{
    return all_denied(JAIL_NOFILES | JAIL_NOCHANGE);
}

static void
on_trap(int number)
{
    _exit(number == SIGSYS ? 0 : 2);
}

static int way_tried;

static int
trapfiles(void)
{
    signal(SIGSYS, on_trap);
    if (jail_seal(JAIL_TRAPFILES) < 0)
        return 3;
    opened(way_tried);
    return 4;
}

static bool
all_trapped(void)
{
    for (way_tried = 0; way_tried < WAYS; way_tried++)
        if (inside(trapfiles) != 0)
            return false;
    return true;
}

static int
nonewprivs(void)
{
    if (jail_seal(0) < 0)
        return 2;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

static int
limits(void)
{
    struct rlimit core, files;

    if (jail_limits(64) < 0 || getrlimit(RLIMIT_CORE, &core) < 0 ||
        getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 2;
    if (core.rlim_cur || core.rlim_max || files.rlim_cur != 64)
        return 3;
    if (jail_limits(1u << 31) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 4;
    return files.rlim_cur == files.rlim_max ||
           files.rlim_cur == 1u << 31 ? 0 : 5;
}

static int
become(void)
{
    struct jail_user u = {.uid = 65534, .gid = 65533, .groups = {65532},
                          .group_count = 1};
    gid_t groups[4];

    if (jail_become(&u) < 0 || geteuid() != 65534 || getegid() != 65533)
        return 2;
    if (getgroups(4, groups) != 1 || groups[0] != 65532)
        return 3;
    return setuid(0) < 0 && setgid(0) < 0 ? 0 : 4;
}

static int
become_stranger(void)
{
    struct jail_user u = {.uid = 65534, .gid = 65534};

    if (geteuid() == 0 && jail_become(&u) < 0)
        return 2;
    u.uid = 65533;
    return jail_become(&u) < 0 ? 0 : 3;
}

static char readable[64], writable[64], file[96], other[96], moved[96];

static void
make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0666);

    if (fd < 0 || write(fd, "x", 1) != 1)
        exit(111);
    close(fd);
}

static void
set_up(void)
{
    if (!mkdtemp(home))
        exit(111);
    snprintf(readable, sizeof readable, "%s/r", home);
    snprintf(writable, sizeof writable, "%s/w", home);
    snprintf(file, sizeof file, "%s/file", readable);
    snprintf(other, sizeof other, "%s/new", writable);
    snprintf(moved, sizeof moved, "%s/sub/new", writable);
    mkdir(readable, 0777);
    mkdir(writable, 0777);
    make(file);
}

static void
tear_down(void)
{
    unlink(file);
    unlink(other);
    unlink(moved);
    *strrchr(moved, '/') = 0;
    rmdir(moved);
    rmdir(readable);
    rmdir(writable);
    rmdir(home);
}

static int
files(void)
{
    const struct jail_path paths[] = {
        {readable, JAIL_READ},
        {writable, JAIL_READ | JAIL_WRITE | JAIL_CREATE},
    };
    char sub[96];
    int fd;

    snprintf(sub, sizeof sub, "%s/sub", writable);
    if (jail_files(paths, 2) < 0)
        return 2;
    if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
        return 3;
    if (open(file, O_RDONLY) < 0)
        return 4;
    if (open(file, O_WRONLY) >= 0 || unlink(file) == 0)
        return 5;
    if (open(readable, O_RDONLY | O_DIRECTORY) >= 0)
        return 6;
    if ((fd = open(other, O_RDWR | O_CREAT, 0666)) < 0 ||
        write(fd, "x", 1) != 1)
        return 7;
    if (mkdir(sub, 0777) < 0 || rename(other, moved) < 0)
        return 8;
    if (unlink(moved) < 0 || rmdir(sub) < 0)
        return 9;
    execl("/bin/true", "true", (char *)NULL);
    return errno == EACCES ? 0 : 10;
}

static int
no_files(void)
{
    char c;
    int fd = open(file, O_RDONLY);

    if (jail_files(NULL, 0) < 0)
        return 2;
    if (open(file, O_RDONLY) >= 0 || open("/", O_RDONLY) >= 0)
        return 3;
    return read(fd, &c, 1) == 1 ? 0 : 4;
}

static int
one_file(void)
{
    struct jail_path path = {file, JAIL_READ | JAIL_LIST | JAIL_CREATE};

    if (jail_files(&path, 1) < 0)
        return 2;
    return open(file, O_RDONLY) >= 0 ? 0 : 3;
}

static int
has_landlock(void)
{
    int r = jail_files(NULL, 0);

    return r == -ENOSYS || r == -EOPNOTSUPP ? 1 : 0;
}

static int
missing_path(void)
{
    struct jail_path path = {"/nowhere/at/all", JAIL_READ};

    if (jail_files(&path, 1) != -ENOENT)
        return 2;
    return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : 3;
}

static void
test_files(void)
{
    static const struct {
        int (*try)(void);
        const char *name;
    } rules[] = {
        {files, "files are opened below the named paths, with their rights"},
        {no_files, "no path: nothing is opened, what was open stays usable"},
        {one_file, "a path may name a file"},
        {missing_path, "a path that is not there is said, nothing changes"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (inside(has_landlock) == 1)
            skip("this kernel has no Landlock");
        else
            ok(inside(rules[i].try) == 0, "%s", rules[i].name);
}

int
main(void)
{
    struct jail_user u;

    set_up();
    ok(inside(noexec_execve) == 0, "with NOEXEC no program is started");
    ok(inside(sealed_exec) == 0, "without NOEXEC programs are started");
    ok(inside(sealed_never) == 0,
       "every seal denies ptrace, namespaces, mounts, keys, bpf, io_uring");
    ok(inside(sealed_thread) == 0, "a sealed program still makes threads, "
                                   "sealed as it is");
    ok(inside(sealed_old_thread) == 0,
       "threads that were there before are sealed too");
    ok(inside(nonetwork) == 0, "with NONETWORK only unix sockets are made");
    ok(inside(nolistdir) == 0,
       "with NOLISTDIR no folder is listed, files still open");
    ok(inside(nofiles) == 0 && inside(nofiles_nochange) == 0,
       "with NOFILES nothing is opened, in whichever way");
    ok(all_trapped(), "with TRAPFILES opening in any way is a SIGSYS");
    ok(inside(nonewprivs) == 0, "a sealed program gains no rights by setuid");
    ok(inside(limits) == 0,
       "core files are off, descriptors at most what the hard limit has");
    test_files();
    ok(jail_user(&u, "root", NULL) == 0 && u.uid == 0 && u.gid == 0 &&
           u.group_count == 0, "root is found in the system's tables");
    ok(jail_user(&u, "root", "root") == 0 && u.group_count == 1,
       "a group besides the user's own is found");
    ok(jail_user(&u, "no-such-user-at-all", NULL) == -ENOENT,
       "a user that is not there is -ENOENT");
    ok(inside(become_stranger) == 0, "without rights nobody is become");
    if (geteuid() == 0)
        ok(inside(become) == 0, "who becomes a user has nothing of root left");
    else
        skip("only root becomes another user");
    tear_down();
    return tap_end();
}
