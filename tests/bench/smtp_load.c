/* smtp_load - messages by SMTP, many sessions at once
 *
 * usage: smtp_load ADDRESS SESSIONS MESSAGES BYTES RECIPIENTS
 * To port 25.  RECIPIENTS is a file with the recipients of a message on each
 * line, which are used in turn.  A session sends one message after another.
 * Prints the seconds.  Any answer but 2yz or 3yz ends it. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINES_MAX = 65536, SESSIONS_MAX = 1024, WIDTH = 78 };

static struct sockaddr_in server = {.sin_family = AF_INET};
static long messages, lines;
static char *recipients[LINES_MAX], *content;
static size_t content_len;

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

/* One answer, of one or more lines. */
static void
expect(FILE *in, const char *what)
{
    char line[2048];

    do {
        if (!fgets(line, sizeof line, in)) {
            fprintf(stderr, "smtp_load: %s: the connection ended\n", what);
            exit(1);
        }
    } while (strlen(line) > 3 && line[3] == '-');
    if (line[0] != '2' && line[0] != '3') {
        fprintf(stderr, "smtp_load: %s: %s", what, line);
        exit(1);
    }
}

static void __attribute__((format(printf, 3, 4)))
command(int fd, FILE *in, const char *format, ...)
{
    char line[1024];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    if (n >= (int)sizeof line || write(fd, line, (size_t)n) != n)
        fail("write");
    expect(in, line);
}

static void
send_one(int fd, FILE *in, const char *to)
{
    char *copy = strdup(to), *save;
    size_t done = 0;

    if (!copy)
        fail("strdup");
    command(fd, in, "MAIL FROM:<sender@src.test>\r\n");
    for (char *r = strtok_r(copy, " \n", &save); r;
         r = strtok_r(NULL, " \n", &save))
        command(fd, in, "RCPT TO:<%s>\r\n", r);
    command(fd, in, "DATA\r\n");
    while (done < content_len) {
        ssize_t n = write(fd, content + done, content_len - done);

        if (n < 0)
            fail("write");
        done += (size_t)n;
    }
    expect(in, "the final dot");
    free(copy);
}

static void *
one_session(void *unused)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    FILE *in;
    long n;

    (void)unused;
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!(in = fdopen(fd, "r")))
        fail("fdopen");
    expect(in, "the banner");
    command(fd, in, "EHLO src.test\r\n");
    while ((n = __atomic_sub_fetch(&messages, 1, __ATOMIC_RELAXED)) >= 0)
        send_one(fd, in, recipients[n % lines]);
    command(fd, in, "QUIT\r\n");
    fclose(in);
    return NULL;
}

static void
read_recipients(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t room = 0;

    if (!f)
        fail(path);
    while (lines < LINES_MAX && getline(&recipients[lines], &room, f) > 0) {
        lines++;
        room = 0;
    }
    fclose(f);
    if (lines == 0)
        fail("no recipients");
}

static void
make_content(size_t bytes)
{
    static const char head[] = "Subject: x\r\n\r\n", end[] = "\r\n.\r\n";
    char *p;

    if (!(content = p = malloc(bytes + bytes / WIDTH * 2 + 64)))
        fail("malloc");
    p = stpcpy(p, head);
    for (size_t i = sizeof head; i < bytes; i++)
        if (i % WIDTH == WIDTH - 1)
            p = stpcpy(p, "\r\n");
        else
            *p++ = 'x';
    p = stpcpy(p, end);
    content_len = (size_t)(p - content);
}

int
main(int argc, char **argv)
{
    struct timespec a, b;
    pthread_t threads[SESSIONS_MAX];
    int sessions;

    server.sin_port = htons(25);
    if (argc != 6 || !inet_aton(argv[1], &server.sin_addr) ||
        (sessions = atoi(argv[2])) < 1 || sessions > SESSIONS_MAX) {
        fprintf(stderr, "usage: smtp_load ADDRESS SESSIONS MESSAGES BYTES "
                "RECIPIENTS\n");
        return 64;
    }
    messages = atol(argv[3]);
    make_content((size_t)atol(argv[4]));
    read_recipients(argv[5]);
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < sessions; i++)
        pthread_create(&threads[i], NULL, one_session, NULL);
    for (int i = 0; i < sessions; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%.6f\n", (double)(b.tv_sec - a.tv_sec) +
           (double)(b.tv_nsec - a.tv_nsec) / 1e9);
    return 0;
}
