/* sink - an SMTP server that takes everything, after a chosen delay
 *
 * usage: sink [-a ADDRESS] [-b] [-c ADDRESSES] [-q SILENT] [-p PORT] [-d MS]
 *             [-n RECIPIENTS]
 *
 * Listens at so many addresses from ADDRESS on (127.0.0.1), on PORT; the last
 * SILENT of them answer no connection, as a host that is switched off.  The
 * answer to what one read brought leaves MS later, as over a link with that
 * round trip.  With -b it offers CHUNKING.  Prints "ready"; at RECIPIENTS
 * recipients, and at the end, "messages recipients connections most-at-once
 * last", where last is the moment of the last message by the monotonic clock.
 * One thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 128 * 1024, ANSWER_MAX = 16 * 1024, EVENTS = 256 };

/* A connection; it is freed with its last answer. */
struct peer {
    int fd;
    int answers;            /* of it, still waiting */
    long recipients;        /* of the message under way */
    bool data, quit, closed, listener;
    bool last;              /* the chunk under way is */
    size_t chunk;           /* bytes of it to come */
    size_t len;
    char in[IN_MAX];
};

struct answer {
    struct answer *next;
    struct peer *peer;
    double due;
    size_t len;
    char text[];
};

static struct {
    int epoll;
    bool chunking;
    double delay, last;
    long messages, recipients, connections, now, most, wanted;
    struct answer *first, **end;
} sink = {.end = &sink.first};

static volatile sig_atomic_t ended;

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

static void
report(void)
{
    printf("%ld %ld %ld %ld %.6f\n", sink.messages, sink.recipients,
           sink.connections, sink.most, sink.last);
    fflush(stdout);
}

static void
forget(struct peer *p)
{
    if (!p->closed) {
        p->closed = true;
        close(p->fd);
        sink.now--;
    }
    if (p->answers == 0)
        free(p);
}

static void
answer(struct peer *p, const char *text, size_t len)
{
    struct answer *a = malloc(sizeof *a + len);

    if (!a)
        fail("malloc");
    a->next = NULL;
    a->peer = p;
    a->due = moment() + sink.delay;
    a->len = len;
    memcpy(a->text, text, len);
    *sink.end = a;
    sink.end = &a->next;
    p->answers++;
}

/* Sends what is due; the seconds until the next is, or -1. */
static double
send_due(void)
{
    double now = moment();
    struct answer *a;

    while ((a = sink.first) && a->due <= now) {
        struct peer *p = a->peer;

        if (!(sink.first = a->next))
            sink.end = &sink.first;
        p->answers--;
        if (p->closed) {
            forget(p);
        } else {
            if (send(p->fd, a->text, a->len, MSG_NOSIGNAL) < 0 &&
                errno != EPIPE && errno != ECONNRESET)
                fail("send");
            if (p->quit && p->answers == 0)
                shutdown(p->fd, SHUT_WR);
        }
        free(a);
    }
    return sink.first ? sink.first->due - now : -1;
}

static const char *
taken(const struct peer *p)
{
    sink.messages++;
    sink.recipients += p->recipients;
    sink.last = moment();
    if (sink.wanted && sink.recipients >= sink.wanted) {
        sink.wanted = 0;
        report();
    }
    return "250 2.0.0 taken\r\n";
}

/* The bytes of a chunk; what there is to answer. */
static const char *
chunk(struct peer *p, size_t len)
{
    p->chunk -= len;
    if (p->chunk > 0)
        return NULL;
    return p->last ? taken(p) : "250 2.0.0 ok\r\n";
}

static const char *
begin_chunk(struct peer *p, const char *s)
{
    char *end;

    p->chunk = strtoul(s + 4, &end, 10);
    p->last = strncasecmp(end, " LAST", 5) == 0;
    return chunk(p, 0);
}

/* One line of a dialogue, or of a message; what there is to answer. */
static const char *
line(struct peer *p, const char *s, size_t len)
{
    if (p->data) {
        if (s[0] != '.' || len > 3 || (len == 3 && s[1] != '\r'))
            return NULL;
        p->data = false;
        return taken(p);
    }
    if (sink.chunking && strncasecmp(s, "BDAT ", 5) == 0)
        return begin_chunk(p, s);
    if (sink.chunking && strncasecmp(s, "EHLO", 4) == 0)
        return "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
               "250-CHUNKING\r\n250 SIZE 0\r\n";
    if (strncasecmp(s, "EHLO", 4) == 0)
        return "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
               "250 SIZE 0\r\n";
    if (strncasecmp(s, "MAIL", 4) == 0)
        p->recipients = 0;
    else if (strncasecmp(s, "RCPT", 4) == 0)
        p->recipients++;
    else if (strncasecmp(s, "QUIT", 4) == 0) {
        p->quit = true;
        return "221 2.0.0 bye\r\n";
    } else if (strncasecmp(s, "DATA", 4) == 0) {
        p->data = true;
        return "354 go on\r\n";
    }
    return "250 2.0.0 ok\r\n";
}

/* The length of what is taken at once: a line, or what there is of a
 * chunk. */
static size_t
piece(const struct peer *p, const char *at, const char *end)
{
    const char *newline;

    if (p->chunk)
        return p->chunk < (size_t)(end - at) ? p->chunk : (size_t)(end - at);
    newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? (size_t)(newline + 1 - at) : 0;
}

static void
take(struct peer *p)
{
    char out[ANSWER_MAX], *at = p->in, *end;
    size_t len = 0, step;
    ssize_t n = read(p->fd, p->in + p->len, sizeof p->in - p->len);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            forget(p);
        return;
    }
    end = p->in + p->len + n;
    while ((step = piece(p, at, end)) > 0) {
        const char *s = p->chunk ? chunk(p, step) : line(p, at, step);

        if (s && len + strlen(s) <= sizeof out) {
            memcpy(out + len, s, strlen(s));
            len += strlen(s);
        }
        at += step;
    }
    p->len = (size_t)(end - at);
    if (p->len == sizeof p->in) {
        fprintf(stderr, "sink: a line of more than %d bytes\n", IN_MAX);
        exit(1);
    }
    memmove(p->in, at, p->len);
    if (len > 0)
        answer(p, out, len);
}

static void
watch(struct peer *p)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};

    if (epoll_ctl(sink.epoll, EPOLL_CTL_ADD, p->fd, &e) < 0)
        fail("epoll_ctl");
}

static void
accept_all(const struct peer *listener)
{
    static const char banner[] = "220 sink.test ESMTP\r\n";
    int fd, on = 1;

    while ((fd = accept4(listener->fd, NULL, NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct peer *p = malloc(sizeof *p);

        if (!p)
            fail("malloc");
        memset(p, 0, offsetof(struct peer, in));
        p->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sink.connections++;
        if (++sink.now > sink.most)
            sink.most = sink.now;
        watch(p);
        answer(p, banner, sizeof banner - 1);
    }
    if (errno != EAGAIN)
        fail("accept");
}

/* Connections of our own fill the queue that nobody empties: from then on
 * the kernel drops what else asks for one. */
static void
fill(const struct sockaddr_in *to)
{
    for (int i = 0; i < 3; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                        0);

        if (fd < 0 || (connect(fd, (const struct sockaddr *)to,
                               sizeof *to) < 0 && errno != EINPROGRESS))
            fail("connect");
    }
}

static void
listen_at(struct in_addr address, int port, bool silent)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = address,
                            .sin_port = htons((uint16_t)port)};
    struct peer *p = calloc(1, sizeof *p);
    int on = 1;

    if (!p)
        fail("calloc");
    p->listener = true;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        listen(p->fd, silent ? 0 : 4096) < 0)
        fail("listen");
    if (silent)
        fill(&a);
    else
        watch(p);
}

static void
on_end(int unused)
{
    (void)unused;
    ended = 1;
}

static void
serve(void)
{
    struct epoll_event events[EVENTS];

    while (!ended) {
        double wait = send_due();
        int n = epoll_wait(sink.epoll, events, EVENTS,
                           wait < 0 ? -1 : (int)(wait * 1000) + 1);

        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;

            if (p->listener)
                accept_all(p);
            else
                take(p);
        }
    }
}

int
main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_end};
    struct rlimit many = {65536, 65536};
    const char *first = "127.0.0.1";
    struct in_addr address;
    int option, addresses = 1, silent = 0, port = 2525;

    while ((option = getopt(argc, argv, "a:bc:q:p:d:n:")) != -1)
        switch (option) {
        case 'a': first = optarg; break;
        case 'b': sink.chunking = true; break;
        case 'c': addresses = atoi(optarg); break;
        case 'q': silent = atoi(optarg); break;
        case 'p': port = atoi(optarg); break;
        case 'd': sink.delay = atof(optarg) / 1000; break;
        case 'n': sink.wanted = atol(optarg); break;
        default: return 64;
        }
    if (!inet_aton(first, &address) || optind != argc)
        return 64;
    sigaction(SIGTERM, &action, NULL);
    setrlimit(RLIMIT_NOFILE, &many);
    if ((sink.epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        fail("epoll_create1");
    for (int i = 0; i < addresses; i++) {
        struct in_addr a = {htonl(ntohl(address.s_addr) + (uint32_t)i)};

        listen_at(a, port, i >= addresses - silent);
    }
    puts("ready");
    fflush(stdout);
    serve();
    report();
    return 0;
}
