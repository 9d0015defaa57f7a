#include "remote/byhand.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bind.h"
#include "base/conf.h"
#include "base/envelope.h"
#include "base/facts.h"
#include "base/file.h"
#include "base/job.h"
#include "base/mem.h"

enum { PIECE = 65536, JOB_BYTES_MAX = 48 * 1024 };

struct byhand {
    struct view host, sender;
    char **rcpts;
    uint32_t count, open;
    struct route route;
    int message;             /* an unlinked file */
    uint64_t length;
    uint32_t facts;
    unsigned char digest[DIGEST_LEN];
    struct report *reports;  /* owned; one for each recipient */
};

/* Text between the letter and the zero byte. */
static void
put(char letter, const char *text, const char *code, const char *host)
{
    printf("%c%s", letter, text);
    if (*code)
        printf(" (#%s)", code);
    if (*host)
        printf(" [%s]", host);
    printf("\n%c", 0);
}

_Noreturn static void end(char letter, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
end(char letter, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    putchar(letter);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n%c", 0);
    fflush(stdout);
    _exit(0);
}

static int
unlinked_file(void)
{
    const char *folder = getenv("TMPDIR");
    struct buf path = {0};
    int fd;

    buf_print(&path, "%s/godwit-remote.XXXXXX",
              folder && *folder ? folder : "/tmp");
    fd = mkostemp(path.data, O_CLOEXEC);
    if (fd >= 0)
        unlink(path.data);
    buf_free(&path);
    return fd;
}

static void
read_message(struct byhand *b)
{
    static char piece[PIECE];
    struct facts facts = {0};
    struct digest digest;
    ssize_t n;

    if ((b->message = unlinked_file()) < 0)
        end('Z', "no temporary file: %s (#4.3.0)", strerror(errno));
    digest_init(&digest);
    while ((n = read(0, piece, sizeof piece)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || file_write(b->message, piece, (size_t)n) < 0)
            end('Z', "the message cannot be read: %s (#4.3.0)",
                strerror(errno));
        digest_add(&digest, piece, (size_t)n);
        facts_add(&facts, view_make(piece, (size_t)n));
        b->length += (uint64_t)n;
    }
    facts_end(&facts);
    digest_end(&digest, b->digest);
    b->facts = facts.seen;
}

static void
read_list(int control, const char *name, struct conf_list *list)
{
    int r = conf_list(control, name, list);

    if (r < 0 && r != -ENOENT)
        end('Z', "%s: %s (#4.3.0)", name, strerror(-r));
}

/* The relay of the settings, or none; nothing is local here. */
static void
find_route(struct byhand *b)
{
    static const struct conf_list nothing;
    struct conf_list routing = {0}, binding = {0};
    struct conf_paths paths;
    struct routes routes = {0};
    struct binds binds = {0};
    struct buf why = {0}, address = {0};
    int control, r;

    conf_paths(&paths);
    if ((r = file_opendir(&control, AT_FDCWD, paths.control)) < 0)
        end('Z', "%s: %s (#4.3.0)", paths.control, strerror(-r));
    read_list(control, "smtproutes", &routing);
    read_list(control, "bindroutes", &binding);
    if (route_load(&routes, &nothing, &routing, "", &why) < 0 ||
        bind_load(&binds, &binding, &why) < 0)
        end('Z', "smtproutes or bindroutes cannot be used (#4.3.5)");
    buf_print(&address, "@%.*s", (int)b->host.len, b->host.data);
    route_find(&routes, buf_view(&address), &b->route);
    bind_route(&binds, b->sender, &b->route);
    file_close(&control);
    route_free(&routes);
    bind_free(&binds);
    conf_listfree(&routing);
    conf_listfree(&binding);
    conf_pathsfree(&paths);
    buf_free(&address);
    buf_free(&why);
}

static void
start_worker(int *sock)
{
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0 ||
        (pid = fork()) < 0)
        end('Z', "no process: %s (#4.3.0)", strerror(errno));
    *sock = ends[0];
    if (pid > 0) {
        close(ends[1]);
        return;
    }
    close(ends[0]);
    *sock = -1;
    if (ends[1] != BYHAND_FD && dup2(ends[1], BYHAND_FD) < 0)
        _exit(111);
    close_range(BYHAND_FD + 1, ~0u, 0);
    if (dup2(open("/dev/null", O_RDWR), 0) < 0 || dup2(2, 1) < 0)
        _exit(111);
}

static void
send_jobs(struct byhand *b, int sock)
{
    static struct job job;
    struct buf bytes = {0};
    uint32_t next = 0;

    while (next < b->count) {
        size_t size = 0;

        job = (struct job){.number = next + 1, .id = 1, .attempt = 1,
                           .birth = (uint64_t)time(NULL),
                           .flags = b->facts, .length = b->length,
                           .sender = b->sender, .port = b->route.port,
                           .site = view_of(b->route.site),
                           .route = view_of(b->route.host)};
        memcpy(job.digest, b->digest, sizeof job.digest);
        while (next < b->count && job.rcpt_count < JOB_RCPT_MAX &&
               size < JOB_BYTES_MAX) {
            struct job_rcpt *r = &job.rcpts[job.rcpt_count++];

            *r = (struct job_rcpt){.index = next,
                                   .address = view_of(b->rcpts[next])};
            size += r->address.len + 16;
            next++;
        }
        buf_clear(&bytes);
        job_print(&bytes, &job);
        if (job_send(sock, buf_view(&bytes), b->message) < 0)
            break; /* it has ended; nobody is reported */
    }
    buf_free(&bytes);
}

static void
take_reports(struct byhand *b, int sock)
{
    struct buf bytes = {0};
    struct report r;
    int fd;

    while (b->open > 0) {
        buf_clear(&bytes);
        if (job_recv(sock, &bytes, &fd) <= 0)
            break;
        file_close(&fd);
        if (report_parse(&r, buf_view(&bytes)) < 0 || r.index >= b->count ||
            b->reports[r.index].number)
            continue;
        b->reports[r.index] = r;
        b->open--;
    }
    buf_free(&bytes);
}

/* Each recipient's letter, then that of the message: accepted if it was for
 * anybody, tried again if it may be for anybody. */
_Noreturn static void
print_reports(const struct byhand *b)
{
    static const char letters[] = {[DONE] = 'r', [LATER] = 's',
                                   [NEVER] = 'h'};
    bool done = false, later = false;

    for (uint32_t i = 0; i < b->count; i++) {
        const struct report *r = &b->reports[i];

        done = done || r->outcome.verdict == DONE;
        later = later || r->outcome.verdict == LATER;
        put(letters[r->outcome.verdict], r->outcome.text, r->outcome.code,
            r->host);
    }
    if (done)
        end('K', "accepted");
    if (later)
        end('Z', "not accepted now; try again");
    end('D', "refused for good");
}

static void
check_words(struct byhand *b, int argc, char **argv)
{
    if (argc < 4)
        end('D', "usage: godwit-remote host sender recipient... (#5.3.5)");
    b->host = view_of(argv[1]);
    b->sender = view_of(argv[2]);
    b->rcpts = argv + 3;
    b->count = b->open = (uint32_t)argc - 3;
    if (b->host.len == 0 || b->host.len >= ADDRESS_MAX)
        end('D', "no host (#5.1.2)");
    for (int i = 2; i < argc; i++)
        if (strlen(argv[i]) > ADDRESS_MAX)
            end('D', "an address is too long (#5.1.3)");
}

bool
byhand(int argc, char **argv)
{
    struct byhand b = {.message = -1};
    int sock;

    signal(SIGPIPE, SIG_IGN);
    if (sodium_init() < 0)
        end('Z', "libsodium does not start (#4.3.0)");
    check_words(&b, argc, argv);
    find_route(&b);
    read_message(&b);
    start_worker(&sock);
    if (sock < 0)
        return b.route.host[0] != 0;
    b.reports = mem_alloc(b.count * sizeof *b.reports);
    for (uint32_t i = 0; i < b.count; i++)
        outcome_set(&b.reports[i].outcome, LATER, "4.3.0",
                    "the delivery program ended before it reported");
    send_jobs(&b, sock);
    take_reports(&b, sock);
    close(sock);
    waitpid(-1, NULL, 0);
    print_reports(&b);
}
