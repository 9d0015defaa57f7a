/* disk_limit - what the disk allows, with nothing of a mail system around it
 *
 * usage: disk_limit [-1] FOLDER THREADS FILES BYTES [FOLDERS]
 *        disk_limit -s GROUP FOLDER FILES BYTES
 *
 * The first writes FILES files into FOLDER, or into FOLDERS new folders in it
 * in turn: create without a name, write, sync, link, sync the folder.  Each
 * thread does these steps one after another; nothing is shared.
 * With -1 name and content share one commit of a journal: write, wait for
 * sync_file_range, link, sync the file.
 * With -s it settles FILES files, made and synced before: a line for each
 * goes to the end of one file, GROUP of them share a sync, and then the files
 * are unlinked.
 * Prints the files a second.  What is there stays there: deleted now it would
 * slow whoever is measured next. */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 256, FOLDERS_MAX = 1000, LINE = 256 };

static int folders[FOLDERS_MAX], folder_count = 1;
static long left;
static size_t bytes;
static bool one_commit;

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

static double
moment(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *
filled(void)
{
    char *data = malloc(bytes);

    if (!data)
        fail("malloc");
    memset(data, 'x', bytes);
    return data;
}

/* Before it has a name. */
static int
sync_content(int fd)
{
    return one_commit ? sync_file_range(fd, 0, 0,
                                        SYNC_FILE_RANGE_WRITE |
                                            SYNC_FILE_RANGE_WAIT_AFTER)
                      : fsync(fd);
}

static void
keep(int folder, long n, const char *data)
{
    char name[32], path[64];
    int fd = openat(folder, ".", O_TMPFILE | O_RDWR, 0600);

    if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes ||
        sync_content(fd) < 0)
        fail("write");
    snprintf(name, sizeof name, "%ld", n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, path, folder, name, AT_SYMLINK_FOLLOW) < 0 ||
        fsync(one_commit ? fd : folder) < 0)
        fail("link");
    close(fd);
}

static void *
one_thread(void *unused)
{
    char *data = filled();
    long n;

    (void)unused;
    while ((n = __atomic_fetch_sub(&left, 1, __ATOMIC_RELAXED)) > 0)
        keep(folders[n % folder_count], n, data);
    free(data);
    return NULL;
}

static void
open_folders(const char *top)
{
    char name[32];
    int fd = open(top, O_RDONLY | O_DIRECTORY);

    if (fd < 0)
        fail(top);
    folders[0] = fd;
    for (int i = 0; folder_count > 1 && i < folder_count; i++) {
        snprintf(name, sizeof name, "folder%d", i);
        if (mkdirat(fd, name, 0700) < 0 ||
            (folders[i] = openat(fd, name, O_RDONLY | O_DIRECTORY)) < 0)
            fail(name);
    }
    if (syncfs(fd) < 0)
        fail("syncfs");
}

static double
create(int threads)
{
    pthread_t t[THREADS_MAX];
    double began = moment();

    for (int i = 0; i < threads; i++)
        pthread_create(&t[i], NULL, one_thread, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    return moment() - began;
}

static void
make_files(long count)
{
    char name[32], *data = filled();

    for (long n = 0; n < count; n++) {
        int fd;

        snprintf(name, sizeof name, "%ld", n);
        fd = openat(folders[0], name, O_CREAT | O_EXCL | O_WRONLY, 0600);
        if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
            fail(name);
        close(fd);
    }
    free(data);
}

/* A file whose size need not change when lines are written. */
static int
make_ledger(long lines)
{
    char line[LINE];
    int fd = openat(folders[0], "ledger", O_CREAT | O_RDWR, 0600);

    memset(line, '\n', sizeof line);
    for (long n = 0; n < lines; n++)
        if (fd < 0 || write(fd, line, sizeof line) != sizeof line)
            fail("ledger");
    if (syncfs(fd) < 0)
        fail("syncfs");
    return fd;
}

static double
settle(long count, long group)
{
    char name[32], line[LINE];
    int ledger = make_ledger(count);
    double began = moment();

    memset(line, 'x', sizeof line);
    for (long n = 0; n < count; n += group) {
        long end = n + group < count ? n + group : count;

        for (long i = n; i < end; i++)
            if (pwrite(ledger, line, sizeof line, i * LINE) != LINE)
                fail("ledger");
        if (fdatasync(ledger) < 0)
            fail("ledger");
        for (long i = n; i < end; i++) {
            snprintf(name, sizeof name, "%ld", i);
            if (unlinkat(folders[0], name, 0) < 0)
                fail(name);
        }
    }
    return moment() - began;
}

int
main(int argc, char **argv)
{
    int threads;
    long count;

    if (argc == 6 && strcmp(argv[1], "-s") == 0) {
        open_folders(argv[3]);
        count = atol(argv[4]);
        bytes = (size_t)atol(argv[5]);
        make_files(count);
        printf("%.1f\n", (double)count / settle(count, atol(argv[2])));
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "-1") == 0) {
        one_commit = true;
        argc--;
        argv++;
    }
    if ((argc != 5 && argc != 6) || (threads = atoi(argv[2])) < 1 ||
        threads > THREADS_MAX ||
        (argc == 6 && ((folder_count = atoi(argv[5])) < 1 ||
                       folder_count > FOLDERS_MAX))) {
        fprintf(stderr, "usage: see the top of disk_limit.c\n");
        return 64;
    }
    open_folders(argv[1]);
    count = left = atol(argv[3]);
    bytes = (size_t)atol(argv[4]);
    printf("%.1f\n", (double)count / create(threads));
    return 0;
}
