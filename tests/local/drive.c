/* drive.c - plays the manager for godwit-local
 *
 * drive PROGRAM [ARG...] starts it with the manager's socket at 3 and the
 * life pipe at 4, and obeys lines on standard input:
 *   job NUMBER FILE KEY=VALUE...   keys: to (again for each recipient), from,
 *                                  offset, length, birth, id, attempt, repeat,
 *                                  damage (1: a wrong digest), nofd
 *   raw NUMBER                     a datagram that is no job
 *   wait N                         until N reports came since the start
 *   life                           until every life pipe holder is gone
 *   memory                         "memory KIB": the most any process of the
 *                                  program has, or had, for itself
 *   pid                            "pid PID" of the program
 *   shut                           ends the sending side
 *   gone                           closes the socket, as a dead manager does
 *   end                            shut, then "exit STATUS"
 * Reports are printed as
 *   report NUMBER INDEX VERDICT CODE FLAGS "HOST" "TEXT".
 * What does not come in time ends all, with a line "late: WHY". */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/job.h"

enum { LIMIT = 120 }; /* seconds for what takes one: machines may be slow */

static struct drive {
    pid_t pid;
    int sock;
    int life;
    unsigned long reports;
    unsigned long most; /* KiB */
} drive;

static void
die(const char *what)
{
    perror(what);
    if (drive.pid > 0)
        kill(drive.pid, SIGKILL);
    exit(2);
}

static time_t
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void
give_up(const char *why)
{
    printf("late: %s; %lu reports came\n", why, drive.reports);
    if (drive.pid > 0)
        kill(drive.pid, SIGKILL);
    exit(2);
}

static void
start(char **argv)
{
    struct timeval limit = {LIMIT, 0};
    int pair[2], life[2], program;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
        setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit,
                   sizeof limit) < 0 ||
        pipe2(life, O_CLOEXEC) < 0)
        die("socketpair");
    if ((drive.pid = fork()) < 0)
        die("fork");
    if (drive.pid == 0) {
        if ((program = fcntl(pair[1], F_DUPFD_CLOEXEC, 20)) < 0 ||
            (life[1] = fcntl(life[1], F_DUPFD_CLOEXEC, 20)) < 0 ||
            dup2(program, 3) < 0 || dup2(life[1], 4) < 0)
            _exit(2);
        close(0);
        open("/dev/null", O_RDONLY);
        execvp(argv[0], argv);
        _exit(2);
    }
    close(pair[1]);
    close(life[1]);
    drive.sock = pair[0];
    drive.life = life[0];
}

static unsigned long
status_field(const char *text, const char *name)
{
    const char *p = strstr(text, name);

    return p ? strtoul(p + strlen(name), NULL, 10) : 0;
}

/* The private memory (RssAnon) and the peak of all (VmHWM) of one process;
 * the peak counts pages of libraries too, so it is the harder measure. */
static void
measure(pid_t pid)
{
    char path[64];
    struct buf b = {0};
    unsigned long n;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (file_read(AT_FDCWD, path, 65536, &b) == 0) {
        n = status_field(b.data, "VmHWM:");
        if (n < status_field(b.data, "RssAnon:"))
            n = status_field(b.data, "RssAnon:");
        if (n > drive.most)
            drive.most = n;
    }
    buf_free(&b);
}

static void
measure_all(pid_t top)
{
    char path[64];
    struct buf b = {0};
    char *p, *end;

    measure(top);
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)top,
             (int)top);
    if (file_read(AT_FDCWD, path, 65536, &b) == 0 && b.len)
        for (p = b.data;; p = end) {
            long pid = strtol(p, &end, 10);

            if (end == p)
                break;
            measure_all((pid_t)pid);
        }
    buf_free(&b);
}

/* Until there is something to read. */
static void
await(int from, const char *why)
{
    struct pollfd p = {from, POLLIN, 0};
    time_t end = now() + LIMIT;

    while (poll(&p, 1, 20) == 0) {
        if (now() >= end)
            give_up(why);
        measure_all(drive.pid);
    }
}

/* One report, or the end; false at the end. */
static bool
read_report(void)
{
    struct buf b = {0};
    struct report r;
    ssize_t n;
    int fd;

    await(drive.sock, "no report in time");
    n = job_recv(drive.sock, &b, &fd);
    if (n > 0) {
        if (report_parse(&r, buf_view(&b)) < 0)
            die("bad report");
        printf("report %ju %u %s %s %u \"%s\" \"%s\"\n", (uintmax_t)r.number,
               r.index, verdict_word(r.outcome.verdict), r.outcome.code,
               r.flags, r.host, r.outcome.text);
        drive.reports++;
    }
    buf_free(&b);
    return n > 0;
}

static void
add_digest(struct job *j, int fd)
{
    char piece[65536];
    struct digest d;
    uint64_t at;

    digest_init(&d);
    for (at = 0; at < j->length;) {
        size_t len = j->length - at < sizeof piece ?
            (size_t)(j->length - at) : sizeof piece;

        if (file_pread(fd, piece, len, j->offset + at) < 0)
            break;
        digest_add(&d, piece, len);
        at += len;
    }
    digest_end(&d, j->digest);
}

static uint64_t
number_of(const char *s)
{
    return strtoull(s, NULL, 10);
}

static void
send_job(char *line)
{
    char *save, *word = strtok_r(line, " ", &save);
    bool damage = false, nofd = false;
    struct job j = {.attempt = 1, .birth = 1795384800, .id = 4242424242};
    struct buf b = {0};
    struct stat st;
    int fd;

    j.number = number_of(word);
    word = strtok_r(NULL, " ", &save);
    if (file_open(&fd, AT_FDCWD, word) < 0 || fstat(fd, &st) < 0)
        die(word);
    j.length = (uint64_t)st.st_size;
    while ((word = strtok_r(NULL, " ", &save))) {
        char *value = strchr(word, '=');

        *value++ = 0;
        if (!strcmp(word, "to")) {
            j.rcpts[j.rcpt_count].index = j.rcpt_count;
            j.rcpts[j.rcpt_count++].address = view_of(value);
        } else if (!strcmp(word, "from")) {
            j.sender = view_of(value);
        } else if (!strcmp(word, "offset")) {
            j.offset = number_of(value);
        } else if (!strcmp(word, "length")) {
            j.length = number_of(value);
        } else if (!strcmp(word, "birth")) {
            j.birth = number_of(value);
        } else if (!strcmp(word, "id")) {
            j.id = number_of(value);
        } else if (!strcmp(word, "attempt")) {
            j.attempt = (uint32_t)number_of(value);
        } else if (!strcmp(word, "repeat")) {
            j.flags |= JOB_REPEAT;
        } else if (!strcmp(word, "damage")) {
            damage = true;
        } else if (!strcmp(word, "nofd")) {
            nofd = true;
        }
    }
    add_digest(&j, fd);
    j.digest[0] ^= damage;
    job_print(&b, &j);
    if (job_send(drive.sock, buf_view(&b), nofd ? -1 : fd) < 0)
        die("job_send");
    buf_free(&b);
    close(fd);
}

static void
send_raw(const char *number)
{
    struct buf b = {0};

    buf_addbyte(&b, 'J');
    buf_addu64(&b, number_of(number));
    buf_addstr(&b, "garbage");
    if (job_send(drive.sock, buf_view(&b), -1) < 0)
        die("job_send");
    buf_free(&b);
}

static void
finish(void)
{
    time_t end;
    pid_t r;
    int status;

    shutdown(drive.sock, SHUT_WR);
    while (read_report())
        ;
    end = now() + LIMIT;
    while ((r = waitpid(drive.pid, &status, WNOHANG)) == 0 && now() < end)
        poll(NULL, 0, 20);
    if (r == 0)
        give_up("no exit in time");
    if (r < 0)
        die("waitpid");
    drive.pid = 0;
    printf("exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status)
                                          : 1000 + WTERMSIG(status));
}

static void
obey(char *line)
{
    char byte;

    if (!strncmp(line, "job ", 4))
        send_job(line + 4);
    else if (!strncmp(line, "raw ", 4))
        send_raw(line + 4);
    else if (!strncmp(line, "wait ", 5))
        while (drive.reports < number_of(line + 5)) {
            if (!read_report())
                give_up("the program closed its socket");
        }
    else if (!strcmp(line, "life"))
        do
            await(drive.life, "somebody lives on");
        while (read(drive.life, &byte, 1) < 0 && errno == EINTR);
    else if (!strcmp(line, "memory"))
        printf("memory %lu\n", (measure_all(drive.pid), drive.most));
    else if (!strcmp(line, "pid"))
        printf("pid %d\n", (int)drive.pid);
    else if (!strcmp(line, "shut"))
        shutdown(drive.sock, SHUT_WR);
    else if (!strcmp(line, "deaf"))
        shutdown(drive.sock, SHUT_RD);
    else if (!strcmp(line, "gone"))
        close(drive.sock);
    else if (!strcmp(line, "end"))
        finish();
}

int
main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;

    if (argc < 2)
        return 2;
    start(argv + 1);
    while ((n = getline(&line, &room, stdin)) > 0) {
        line[strcspn(line, "\n")] = 0;
        obey(line);
        printf("ok\n");
        fflush(stdout);
    }
    free(line);
    if (drive.pid > 0)
        kill(drive.pid, SIGKILL);
    return 0;
}
