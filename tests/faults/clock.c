/* clock - loaded into a program before its libraries, sets its clocks
 *
 * The file that FAULTS_CLOCK names holds two numbers of seconds in the
 * machine's order: what is added to the time of day, and what is added to
 * the time since start, the latter in the program `godwit` alone.  It is
 * mapped, so a change is seen at once by all that run, whatever they may
 * open. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *added;

__attribute__((constructor)) static void
map(void)
{
    const char *path = getenv("FAULTS_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *p;

    if (fd < 0)
        return;
    p = mmap(NULL, 2 * sizeof *added, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (p != MAP_FAILED)
        added = p;
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
    int r = (int)syscall(SYS_clock_gettime, clock, t);

    if (r == 0 && added &&
        (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        t->tv_sec += added[0];
    if (r == 0 && added && clock == CLOCK_MONOTONIC &&
        strcmp(program_invocation_short_name, "godwit") == 0)
        t->tv_sec += added[1];
    return r;
}

time_t
time(time_t *to)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (to)
        *to = t.tv_sec;
    return t.tv_sec;
}

int
gettimeofday(struct timeval *restrict to, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    to->tv_sec = t.tv_sec;
    to->tv_usec = t.tv_nsec / 1000;
    return 0;
}
