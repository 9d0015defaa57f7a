/* callers - starts a program again and again, some at a time
 *
 * usage: callers [-r ROOT] [-u UID] [-p PARALLEL] [-n COUNT] [-i INPUT]
 *                PROGRAM [ARGUMENT]...
 *
 * Each has INPUT, a file of the current folder, as its standard input; with
 * -r it runs with ROOT as its root folder.  Prints the seconds from the first
 * start to the last end, and how many did not end with 0. */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

/* vfork, so that what is measured is the program and not the copying of
 * ours: the child does nothing but exec. */
static void
start(int folder, const char *input, char **argv)
{
    int fd = openat(folder, input, O_RDONLY | O_CLOEXEC);
    pid_t pid;

    if (fd < 0)
        fail(input);
    if ((pid = vfork()) < 0)
        fail("vfork");
    if (pid == 0) {
        if (dup2(fd, 0) == 0)
            execv(argv[0], argv);
        _exit(127);
    }
    close(fd);
}

static int
one_ended_well(void)
{
    int status;

    if (wait(&status) < 0)
        fail("wait");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
become(const char *root, uid_t uid)
{
    if (root && (chroot(root) < 0 || chdir("/") < 0))
        fail(root);
    if (uid &&
        (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0))
        fail("setuid");
}

int
main(int argc, char **argv)
{
    const char *root = NULL, *input = NULL;
    struct timespec a, b;
    long count = 1, parallel = 1, started = 0, ended = 0, bad = 0;
    uid_t uid = 0;
    int option, folder;

    while ((option = getopt(argc, argv, "+r:u:p:n:i:")) != -1)
        switch (option) {
        case 'r': root = optarg; break;
        case 'u': uid = (uid_t)atol(optarg); break;
        case 'p': parallel = atol(optarg); break;
        case 'n': count = atol(optarg); break;
        case 'i': input = optarg; break;
        default: return 64;
        }
    if (optind == argc || parallel < 1 || !input)
        return 64;
    if ((folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        fail(".");
    become(root, uid);
    clock_gettime(CLOCK_MONOTONIC, &a);
    while (ended < count) {
        while (started < count && started - ended < parallel) {
            start(folder, input, argv + optind);
            started++;
        }
        bad += !one_ended_well();
        ended++;
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%.6f %ld\n", (double)(b.tv_sec - a.tv_sec) +
           (double)(b.tv_nsec - a.tv_nsec) / 1e9, bad);
    return 0;
}
