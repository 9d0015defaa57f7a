/* godwit flush, hold, release, cancel, status: what is asked of a running
 * manager over run/control */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/connect.h"
#include "base/file.h"
#include "base/id.h"
#include "queue/commands.h"
#include "queue/store.h"

enum { ANSWER_SECONDS = 60 };

struct asking {
    struct conf_paths paths;
    int fd;
    struct buf answer;  /* the last one, without `ok ` or `no ` */
};

static int
ask_open(struct asking *a, const char *command)
{
    struct timeval tv = {ANSWER_SECONDS, 0};

    memset(a, 0, sizeof *a);
    conf_paths(&a->paths);
    a->fd = connect_unix(a->paths.run, "control");
    if (a->fd < 0) {
        fprintf(stderr, "godwit %s: cannot reach %s/control: %s (is godwit "
                "running?)\n", command, a->paths.run, strerror(-a->fd));
        conf_pathsfree(&a->paths);
        return EXIT_LATER;
    }
    setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(a->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    return EXIT_OK;
}

static void
ask_close(struct asking *a)
{
    file_close(&a->fd);
    conf_pathsfree(&a->paths);
    buf_free(&a->answer);
}

/* EXIT_OK, EXIT_NEVER if the answer is no, EXIT_LATER without an answer. */
static int
ask(struct asking *a, const char *word, const char *argument)
{
    struct buf line = {0};
    ssize_t n = -1;
    int code;

    buf_print(&line, "%s%s%s\n", word, *argument ? " " : "", argument);
    buf_clear(&a->answer);
    if (send(a->fd, line.data, line.len, MSG_NOSIGNAL) == (ssize_t)line.len)
        do {
            buf_reserve(&a->answer, 4096);
            n = recv(a->fd, a->answer.data + a->answer.len, 4096, 0);
            if (n > 0)
                a->answer.len += (size_t)n;
        } while (n > 0 && a->answer.data[a->answer.len - 1] != '\n' &&
                 a->answer.len < 65536);
    buf_free(&line);
    if (n <= 0) {
        fprintf(stderr, "godwit %s: no answer from the manager\n", word);
        return EXIT_LATER;
    }
    a->answer.data[a->answer.len - 1] = 0;
    code = strncmp(a->answer.data, "ok", 2) == 0 ? EXIT_OK : EXIT_NEVER;
    if (code != EXIT_OK)
        fprintf(stderr, "godwit %s%s%s: %s\n", word, *argument ? " " : "",
                argument, a->answer.len > 3 ? a->answer.data + 3 : "refused");
    return code;
}

struct picking {
    struct asking *asking;
    struct store store;
    const char *rcpt, *sender, *site; /* NULL: any */
    unsigned count;
    int code;
};

static bool
holds(struct view text, const char *part)
{
    return !part || (text.len && memmem(text.data, text.len, part,
                                        strlen(part)));
}

static bool
at_site(struct view address, const char *site)
{
    struct view domain = view_from(address, view_findlast(address, '@') + 1);

    return !site || view_equalcase(domain, view_of(site));
}

static bool
fits(const struct picking *p, const struct queued *q)
{
    if (!holds(q->envelope.sender, p->sender))
        return false;
    for (uint32_t i = 0; i < q->header.rcpt_count; i++)
        if (q->states[i].state == OWED &&
            holds(q->envelope.rcpts[i].address, p->rcpt) &&
            at_site(q->envelope.rcpts[i].address, p->site))
            return true;
    return false;
}

static bool
pick(void *data, uint64_t id)
{
    struct picking *p = data;
    struct queued q;
    const char *why;
    id_text text;

    if (store_load(&p->store, PLACE_INFO, id, &q, &why) < 0)
        return true;
    if (fits(p, &q)) {
        p->code = ask(p->asking, "flush", id_print(id, text));
        p->count++;
    }
    queued_free(&q);
    return p->code == EXIT_OK;
}

static int
flush_some(struct asking *a, struct picking *p)
{
    size_t foreign;
    int r;

    p->asking = a;
    if ((r = store_open(&p->store, a->paths.queue)) == 0)
        r = store_list(&p->store, PLACE_INFO, pick, p, &foreign);
    store_close(&p->store);
    if (r < 0) {
        fprintf(stderr, "godwit flush: cannot read %s: %s (run it as root or "
                "the spool's user)\n", a->paths.queue, strerror(-r));
        return EXIT_LATER;
    }
    printf("%u message%s tried now\n", p->count, p->count == 1 ? "" : "s");
    return p->code;
}

static int
usage(const char *command)
{
    fprintf(stderr, "usage: godwit %s; see godwit %s --help\n", command,
            command);
    return EXIT_USAGE;
}

int
flush_main(int argc, char **argv)
{
    struct picking p = {0};
    struct asking a;
    uint64_t id;
    id_text text = "";
    int code;

    if (argc == 3 && strcmp(argv[1], "--rcpt") == 0)
        p.rcpt = argv[2];
    else if (argc == 3 && strcmp(argv[1], "--sender") == 0)
        p.sender = argv[2];
    else if (argc == 2 && argv[1][0] == '@')
        p.site = argv[1] + 1;
    else if (argc == 2 && id_parse(view_of(argv[1]), &id))
        id_print(id, text);
    else if (argc != 1)
        return usage("flush");
    if ((code = ask_open(&a, "flush")) != EXIT_OK)
        return code;
    code = p.rcpt || p.sender || p.site ? flush_some(&a, &p)
                                        : ask(&a, "flush", text);
    ask_close(&a);
    return code;
}

int
hold_main(int argc, char **argv)
{
    bool discard = argc == 3 && strcmp(argv[0], "cancel") == 0 &&
                   strcmp(argv[1], "--discard") == 0;
    struct asking a;
    uint64_t id;
    id_text text;
    int code;

    if ((argc != 2 && !discard) || !id_parse(view_of(argv[argc - 1]), &id))
        return usage(argv[0]);
    if ((code = ask_open(&a, argv[0])) != EXIT_OK)
        return code;
    code = ask(&a, discard ? "discard" : argv[0], id_print(id, text));
    if (code == EXIT_OK)
        printf("%s %s\n", text, a.answer.len > 3 ? a.answer.data + 3 : "");
    ask_close(&a);
    return code;
}

/* The manager's `key=value`s, a line each, or one JSON object. */
static void
print_status(char *text, bool json)
{
    char *save = NULL, *word = strtok_r(text, " ", &save);

    if (json)
        printf("{");
    for (bool first = true; word; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');

        if (!value)
            continue;
        *value++ = 0;
        if (json)
            printf("%s\"%s\": %s", first ? "" : ", ", word, value);
        else
            printf("%-16s %s\n", word, value);
        first = false;
    }
    if (json)
        printf("}\n");
}

int
status_main(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    struct asking a;
    int code;

    if (argc != 1 && !json)
        return usage("status");
    if ((code = ask_open(&a, "status")) != EXIT_OK)
        return code;
    if ((code = ask(&a, "status", "")) == EXIT_OK)
        print_status(a.answer.data + 2, json);
    ask_close(&a);
    return code;
}
