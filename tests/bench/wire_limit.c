/* wire_limit - mail by SMTP from memory, and nothing but that
 *
 * usage: wire_limit [-a ADDRESS] [-b] [-c ADDRESSES] [-p PORT]
 *                   [-r RECIPIENTS] SESSIONS MESSAGES BYTES
 *
 * Sends messages of so many bytes to the sink over so many sessions, which
 * are spread over so many addresses from ADDRESS on (127.0.0.1).  A message
 * costs a session one round trip: behind a content, in the same group, come
 * MAIL, RCPT and DATA of the next message (RFC 2920 3.1), and with -b all of
 * a message is one group that ends with its only chunk (RFC 3030 4.2).
 * Prints messages a second, from the first connection until the last message
 * is out: the sink too counts what came, not what it has answered.  One
 * thread; any answer but 2yz or 3yz ends it. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 78, EVENTS = 256, ROOM = 64 * 1024 };

struct text {
    char *data;
    size_t len;
};

struct session {
    int fd;
    bool greeted;
    bool sending;   /* a message is under way: its content, or its answer */
    int answers;    /* that are to come before its next group goes out */
    size_t column;  /* of the line that is being read */
    char first, separator;
};

static struct {
    bool chunks;
    int epoll, recipients;
    long left, open;
    struct timespec last;   /* when something went out */
    struct text group;      /* MAIL to DATA, or to the end of the chunk */
    struct text content;    /* its dot, and behind that the next group */
    size_t alone;           /* bytes of it without that group */
} wire = {.recipients = 1};

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

static void
add(struct text *t, const char *bytes, size_t len)
{
    if (!(t->data = realloc(t->data, t->len + len)))
        fail("realloc");
    memcpy(t->data + t->len, bytes, len);
    t->len += len;
}

static void __attribute__((format(printf, 2, 3)))
print(struct text *t, const char *format, ...)
{
    char line[1024];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    add(t, line, (size_t)n);
}

static void
make_texts(size_t bytes)
{
    struct text mail = {0};

    print(&mail, "Subject: x\r\n\r\n");
    while (mail.len < bytes)
        print(&mail, "%.*s\r\n",
              mail.len + WIDTH < bytes ? WIDTH - 2
              : bytes - mail.len > 2   ? (int)(bytes - mail.len) - 2
                                       : 0,
              "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
              "xxxxxxxxxxxxxxxxxxxx");
    print(&wire.group, "MAIL FROM:<sender@src.test>\r\n");
    for (int i = 0; i < wire.recipients; i++)
        print(&wire.group, "RCPT TO:<u%d@dst.test>\r\n", i);
    if (wire.chunks) {
        print(&wire.group, "BDAT %zu LAST\r\n", mail.len);
        add(&wire.group, mail.data, mail.len);
    } else {
        print(&wire.group, "DATA\r\n");
        add(&wire.content, mail.data, mail.len);
        print(&wire.content, ".\r\n");
        wire.alone = wire.content.len;
        add(&wire.content, wire.group.data, wire.group.len);
    }
    free(mail.data);
}

static void
out(const struct session *s, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(s->fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0)
            fail("send");
        bytes += n;
        len -= (size_t)n;
    }
}

static void
end(struct session *s)
{
    static const char quit[] = "QUIT\r\n";

    out(s, quit, sizeof quit - 1);
    close(s->fd);
    wire.open--;
}

/* The session has nothing to wait for.  In a group without the chunk the
 * last answer is 354, so the content follows. */
static void
go_on(struct session *s)
{
    bool more = wire.left > 0;

    if (!more && (!s->sending || wire.chunks)) {
        end(s);
        return;
    }
    if (!s->sending || wire.chunks) {
        out(s, wire.group.data, wire.group.len);
        s->answers = wire.recipients + 2;
    } else {
        out(s, wire.content.data, more ? wire.content.len : wire.alone);
        s->answers = more ? wire.recipients + 3 : 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &wire.last);
    s->sending = more;
    wire.left -= more;
}

static void
on_answer(struct session *s)
{
    static const char hello[] = "EHLO src.test\r\n";

    if (s->first != '2' && s->first != '3') {
        fprintf(stderr, "wire_limit: refused\n");
        exit(1);
    }
    if (--s->answers > 0)
        return;
    if (!s->greeted) {
        s->greeted = true;
        s->answers = 1;
        out(s, hello, sizeof hello - 1);
    } else {
        go_on(s);
    }
}

static void
take(struct session *s)
{
    char in[ROOM];
    ssize_t n = recv(s->fd, in, sizeof in, 0);

    if (n <= 0)
        fail("recv");
    for (ssize_t i = 0; i < n; i++) {
        if (s->column == 0)
            s->first = in[i];
        if (s->column++ == 3)
            s->separator = in[i];
        if (in[i] == '\n') {
            s->column = 0;
            if (s->separator == ' ')
                on_answer(s);
        }
    }
}

static void
begin(struct session *s, struct in_addr address, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = address,
                             .sin_port = htons((uint16_t)port)};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    int on = 1;

    s->answers = 1;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail("connect");
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(wire.epoll, EPOLL_CTL_ADD, s->fd, &e) < 0)
        fail("epoll_ctl");
    wire.open++;
}

static void
serve(void)
{
    struct epoll_event events[EVENTS];

    while (wire.open > 0) {
        int n = epoll_wait(wire.epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++)
            take(events[i].data.ptr);
    }
}

int
main(int argc, char **argv)
{
    struct rlimit many = {65536, 65536};
    int option, addresses = 1, port = 2525, sessions;
    struct in_addr first = {htonl(INADDR_LOOPBACK)};
    struct session *all;
    struct timespec began;
    long messages;

    while ((option = getopt(argc, argv, "a:bc:p:r:")) != -1)
        switch (option) {
        case 'a': if (!inet_aton(optarg, &first)) return 64; break;
        case 'b': wire.chunks = true; break;
        case 'c': addresses = atoi(optarg); break;
        case 'p': port = atoi(optarg); break;
        case 'r': wire.recipients = atoi(optarg); break;
        default: return 64;
        }
    if (argc - optind != 3 || (sessions = atoi(argv[optind])) < 1)
        return 64;
    messages = wire.left = atol(argv[optind + 1]);
    make_texts((size_t)atol(argv[optind + 2]));
    setrlimit(RLIMIT_NOFILE, &many);
    if (!(all = calloc((size_t)sessions, sizeof *all)) ||
        (wire.epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        fail("epoll_create1");
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (int i = 0; i < sessions; i++)
        begin(&all[i], (struct in_addr){htonl(ntohl(first.s_addr) +
                                              (uint32_t)(i % addresses))},
              port);
    serve();
    printf("%.1f\n", (double)messages /
           ((double)(wire.last.tv_sec - began.tv_sec) +
            (double)(wire.last.tv_nsec - began.tv_nsec) / 1e9));
    return 0;
}
