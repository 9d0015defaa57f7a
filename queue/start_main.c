#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "queue/commands.h"
#include "queue/programs.h"
#include "queue/start.h"

enum { WAIT = 30, DRAIN = 30, STOP = 60, STILL = 60, SECONDS_MAX = 24 * 3600 };

static bool
number(const char *s, uint64_t max, uint64_t *n)
{
    return view_number(view_of(s), max, n);
}

static bool
read_options(struct supervise_plan *p, unsigned *wait, int argc, char **argv)
{
    static const struct option options[] = {
        {"ready-fd", required_argument, NULL, 'r'},
        {"wait", required_argument, NULL, 'w'},
        {"drain", required_argument, NULL, 'd'},
        {"stop", required_argument, NULL, 's'},
        {"still", required_argument, NULL, 'q'},
        {0},
    };
    uint64_t n;
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == '?' || !number(optarg, o == 'r' ? INT_MAX : SECONDS_MAX, &n))
            return false;
        if (o == 'r')
            p->ready_fd = (int)n;
        else if (o == 'w')
            *wait = (unsigned)n;
        else if (o == 'd')
            p->drain = (unsigned)n;
        else if (o == 's')
            p->stop = (unsigned)n;
        else
            p->still = (unsigned)n;
    }
    return optind == argc;
}

/* 0, 1 and 2 are open, 0 reads nothing: what we open comes behind them. */
static void
open_standard(void)
{
    int fd;

    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= 2)
        ;
    if (fd < 0 || dup2(fd, 0) < 0)
        log_die("fatal path=/dev/null why=%s", strerror(errno));
    close(fd);
}

static void
check_program(const char *folder, const char *name, bool split)
{
    struct buf path = {0};
    char *closed;

    buf_print(&path, "%s/%s", folder, name);
    if (access(path.data, X_OK) < 0)
        log_die("fatal path=%s why=%s", path.data, strerror(errno));
    if (split && (closed = instance_closed(path.data)))
        log_die("fatal path=%s why=%s", closed,
                "closed to the programs' users, who have to be started "
                "from it");
    buf_free(&path);
}

/* The folder this program lies in, where the others have to be; owned by
 * the caller. */
static char *
find_programs(bool split)
{
    static const char *const names[] = {
        PROGRAM_ENQUEUE, PROGRAM_MANAGER, PROGRAM_REMOTE, PROGRAM_LOCAL,
    };
    char self[PATH_MAX], *folder;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n < 0)
        log_die("fatal path=/proc/self/exe why=%s", strerror(errno));
    self[n] = 0;
    folder = mem_string(dirname(self));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_program(folder, names[i], split);
    return folder;
}

/* The programs find the instance wherever they stand. */
static void
leave_folder(const struct instance *i)
{
    const char *home = getenv("GODWIT_HOME");
    char *whole = mem_string(i->paths.queue);

    if (home && *home)
        setenv("GODWIT_HOME", dirname(whole), 1);
    free(whole);
    if (chdir("/") < 0)
        log_die("fatal path=/ why=%s", strerror(errno));
}

static void
open_instance(struct instance *i)
{
    const char *missing;
    int r;

    instance_open(i);
    if ((r = instance_findusers(i, &missing)) < 0)
        log_die("fatal user=%s why=%s", missing,
                r == -ENOENT ? "missing, make it with: godwit init"
                             : strerror(-r));
    if (instance_check(i) > 0)
        exit(EXIT_LATER);
}

int
start_main(int argc, char **argv)
{
    struct instance i;
    struct supervise_plan p = {
        .instance = &i, .drain = DRAIN, .stop = STOP, .still = STILL,
        .ready_fd = -1, .lock = -1, .todo = -1, .submit = -1, .door = -1,
        .control = -1,
    };
    char *folder, *notify = getenv("NOTIFY_SOCKET");
    unsigned wait = WAIT;
    int code;

    if (!read_options(&p, &wait, argc, argv)) {
        fprintf(stderr, "usage: godwit start [--ready-fd N] [--wait S] "
                        "[--drain S] [--stop S] "
                        "[--still S]\n");
        return EXIT_USAGE;
    }
    open_standard();
    if (p.ready_fd >= 0 && fcntl(p.ready_fd, F_SETFD, FD_CLOEXEC) < 0)
        log_die("fatal ready_fd=%d why=%s", p.ready_fd, strerror(errno));
    notify = notify ? mem_string(notify) : NULL;
    unsetenv("NOTIFY_SOCKET");
    p.notify_socket = notify;
    open_instance(&i);
    p.folder = folder = find_programs(i.split);
    leave_folder(&i);
    start_open(&p, wait);
    supervise_signals();
    code = supervise_run(&p);
    start_close(&p);
    instance_free(&i);
    free(folder);
    free(notify);
    return code;
}
