/* qmail_queue.c - godwit-queue(8): qmail-queue's interface
 *
 * The message on descriptor 0, the envelope on 1, qmail-queue's exit codes.
 * The message is queued as it is.  GODWITQUEUE and QMAILQUEUE mean nothing
 * here: filters that they name run this program. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/envelope.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/submit.h"
#include "inject/facts.h"
#include "inject/input.h"
#include "inject/qmail_envelope.h"

enum {
    EXIT_REFUSED = 31,
    EXIT_MEMORY = 51,
    EXIT_TIMEOUT = 52,
    EXIT_FULL = 53,
    EXIT_READ = 54,
    EXIT_CONFIG = 55,
    EXIT_QUEUE = 62,
    EXIT_LATER = 71,
    EXIT_CONNECT = 73,
    EXIT_LOST = 74,
};

/* qmail-queue's own limit. */
enum { QUEUE_SECONDS = 24 * 3600 };

struct queue {
    struct facts facts;
    char *nohost;
    struct input input;
    struct buf envelope; /* fields, base/envelope.h */
    struct submit submit;
    bool opened;
    struct outcome o;
};

static void
on_alarm(int number)
{
    (void)number;
    _exit(EXIT_TIMEOUT);
}

/* The reason for the operator who looks; callers read the code. */
static int
say(int code, const char *text)
{
    struct buf line = {0};
    ssize_t n;

    buf_print(&line, "godwit-queue: %s\n", text);
    n = write(2, line.data, line.len);
    (void)n;
    buf_free(&line);
    return code;
}

static int
exit_of(const struct outcome *o)
{
    static const struct {
        const char *code;
        int exit;
    } rows[] = {
        {"4.3.1", EXIT_FULL},
        {"4.3.5", EXIT_QUEUE},
        {"4.4.2", EXIT_LOST},
    };

    if (o->verdict == DONE)
        return 0;
    if (o->verdict == NEVER)
        return EXIT_REFUSED;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(o->code, rows[i].code) == 0)
            return rows[i].exit;
    return EXIT_LATER;
}

static int
read_settings(struct queue *q)
{
    struct conf_paths paths;
    int dir, r = 0;

    if (facts_read(&q->facts, &q->o) != DONE)
        return say(EXIT_CONFIG, q->o.text);
    conf_paths(&paths);
    if (file_opendir(&dir, AT_FDCWD, paths.control) == 0)
        r = conf_value(dir, "envnoathost", &q->nohost);
    file_close(&dir);
    conf_pathsfree(&paths);
    if (r < 0)
        return say(EXIT_CONFIG, "cannot read control/envnoathost");
    if (!q->nohost || !*q->nohost) {
        free(q->nohost);
        q->nohost = mem_string(q->facts.me);
    }
    return 0;
}

static int
open_queue(struct queue *q)
{
    q->opened = true;
    if (submit_open(&q->submit, q->facts.submitwait, &q->o) == DONE)
        return 0;
    return say(strcmp(q->o.code, "4.3.5") == 0 ? EXIT_QUEUE : EXIT_CONNECT,
               q->o.text);
}

static int
send_content(struct queue *q)
{
    struct view more = input_rest(&q->input);

    while (more.len && !q->submit.failed) {
        submit_content(&q->submit, more.data, more.len);
        if (input_more(&q->input, &more) < 0)
            return say(EXIT_READ, "cannot read the message");
    }
    return 0;
}

static int
read_envelope(struct queue *q)
{
    struct buf bytes = {0};
    int code = EXIT_READ;
    int r = file_slurp(1, ENVELOPE_MAX, &bytes);

    if (r == 0)
        code = qmail_envelope_read(buf_view(&bytes), q->nohost, &q->envelope);
    else if (r == -EFBIG)
        code = EXIT_REFUSED;
    buf_free(&bytes);
    if (code)
        return code;
    envelope_put(&q->envelope, TAG_VIA, view_of("queue"));
    return 0;
}

/* A message that was read to its end before the queue was asked goes with its
 * envelope; else its envelope follows. */
static int
run(struct queue *q)
{
    int code;

    if ((code = read_settings(q)) != 0)
        return code;
    input_fd(&q->input, 0);
    if (input_plain(&q->input) < 0)
        return say(EXIT_READ, "cannot read the message");
    if (!q->input.eof &&
        ((code = open_queue(q)) != 0 || (code = send_content(q)) != 0))
        return code;
    if ((code = read_envelope(q)) != 0)
        return code;
    if (!q->opened &&
        ((code = open_queue(q)) != 0 || (code = send_content(q)) != 0))
        return code;
    submit_envelope(&q->submit, buf_view(&q->envelope));
    if (submit_end(&q->submit, (id_text){0}, &q->o) != DONE)
        return say(exit_of(&q->o), q->o.text);
    return 0;
}

int
main(void)
{
    struct queue q = {.submit.fd = -1};
    int code;

    mem_exit(EXIT_MEMORY);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_alarm);
    alarm(QUEUE_SECONDS);
    if (fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0) {
        code = EXIT_READ;
    } else {
        /* The socket must not become standard error. */
        if (fcntl(2, F_GETFD) < 0)
            (void)!open("/dev/null", O_WRONLY);
        code = run(&q);
    }
    submit_close(&q.submit);
    input_free(&q.input);
    buf_free(&q.envelope);
    facts_free(&q.facts);
    free(q.nohost);
    return code;
}
