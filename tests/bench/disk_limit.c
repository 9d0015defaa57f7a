/* disk_limit - what the disk allows: create, sync, link, sync the folder
 *
 * usage: disk_limit FOLDER THREADS FILES BYTES
 * Each thread does these steps one after another; nothing is shared.  Prints
 * the files a second.  They stay in the folder, which was empty before:
 * what is deleted now would slow whoever is measured next. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int folder;
static long files;
static size_t bytes;

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *
one_thread(void *unused)
{
    char *data = malloc(bytes), name[32], path[64];
    long n;

    (void)unused;
    if (!data)
        fail("malloc");
    memset(data, 'x', bytes);
    while ((n = __atomic_fetch_sub(&files, 1, __ATOMIC_RELAXED)) > 0) {
        int fd = openat(folder, ".", O_TMPFILE | O_RDWR, 0600);

        snprintf(name, sizeof name, "%ld", n);
        if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes ||
            fsync(fd) < 0)
            fail("write");
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, path, folder, name, AT_SYMLINK_FOLLOW) < 0 ||
            fsync(folder) < 0)
            fail("link");
        close(fd);
    }
    free(data);
    return NULL;
}

int
main(int argc, char **argv)
{
    struct timespec a, b;
    pthread_t threads[256];
    int count;
    long total;

    if (argc != 5 || (count = atoi(argv[2])) < 1 || count > 256) {
        fprintf(stderr, "usage: disk_limit FOLDER THREADS FILES BYTES\n");
        return 64;
    }
    folder = open(argv[1], O_RDONLY | O_DIRECTORY);
    if (folder < 0)
        fail(argv[1]);
    total = files = atol(argv[3]);
    bytes = (size_t)atol(argv[4]);
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, one_thread, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%.0f\n", (double)total /
           ((double)(b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9));
    return 0;
}
