/* sendmail.c - sendmail(8), mailq, newaliases */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/addrlist.h"
#include "base/conf.h"
#include "base/date.h"
#include "base/envelope.h"
#include "base/file.h"
#include "base/line.h"
#include "base/mem.h"
#include "inject/beside.h"
#include "inject/facts.h"
#include "inject/local_smtp.h"
#include "inject/options.h"
#include "inject/post.h"
#include "inject/sysexit.h"
#include "inject/user.h"

/* A caller that never ends its input is cut, as qmail-queue does. */
enum { INPUT_SECONDS = 24 * 3600 };

/* What the run is made of; strings are owned. */
struct sendmail {
    struct options options;
    struct facts facts;
    struct rcpts rcpts;
    struct buf sender;  /* kept */
    char *user, *fullname;
    struct input input;
    struct complete header;
    struct outcome o;
};

static void
on_alarm(int number)
{
    static const char line[] =
        "sendmail: not queued: the message did not end within a day\n";
    ssize_t n = write(2, line, sizeof line - 1);

    (void)number;
    (void)n;
    _exit(EX_TEMPFAIL);
}

/* Callers that closed the standard descriptors must not make the socket one
 * of them.  A closed input stays an error: it is opened for writing. */
static void
hold_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDWR);
}

static const struct outcome *
unclean(struct sendmail *s, const char *what)
{
    outcome_set(&s->o, NEVER, "5.1.3", "%s: a line break or control "
                "character, or not UTF-8", what);
    return &s->o;
}

/* -bv: what the address is rewritten to, if it is. */
static void
show_rewriting(const struct sendmail *s, struct view address)
{
    struct buf rcpt = {0}, sender = {0}, line = {0};
    bool changed;

    buf_addview(&rcpt, address);
    buf_addview(&sender, address);
    changed = rewrite_rcpt(&s->facts.rewrite, &rcpt);
    changed = rewrite_sender(&s->facts.rewrite, &sender) || changed;
    line_print(&line, "rewrite address=%.*s rcpt=%.*s sender=%.*s",
               (int)address.len, address.data, (int)rcpt.len, rcpt.data,
               (int)sender.len, sender.data);
    buf_addbyte(&line, '\n');
    if (changed)
        file_write(1, line.data, line.len);
    buf_free(&rcpt);
    buf_free(&sender);
    buf_free(&line);
}

/* The addresses in an argument, completed: of "-f" its only one, in kept; of
 * others all, as recipients.  0 or the exit code, a line having been said. */
static int
read_argument(struct sendmail *s, const char *what, const char *argument,
              struct buf *kept)
{
    struct qualify names = facts_names(&s->facts);
    struct addrlist_item item;
    struct addrlist l;
    const char *why = "not one address";
    size_t count = 0;
    int r;

    if (addr_unclean(view_of(argument)))
        return sysexit_not_queued(EX_DATAERR, unclean(s, what));
    addrlist_open(&l, view_of(argument));
    while ((r = addrlist_next(&l, &item, kept)) == 1) {
        why = "an empty address";
        if (item.null || qualify_address(&names, kept, &why) < 0)
            break;
        why = "more than one address";
        if (count++ && what[0] == '-')
            break;
        if (s->options.mode == MODE_ROUTE)
            show_rewriting(s, buf_view(kept));
        if (what[0] == '-')
            rewrite_sender(&s->facts.rewrite, kept);
        else
            rewrite_rcpt(&s->facts.rewrite, kept);
        why = "too many recipients";
        if (what[0] != '-' && rcpts_add(&s->rcpts, buf_view(kept)) < 0)
            break;
        why = "not one address";
    }
    if (r == 0 && count)
        return 0;
    outcome_set(&s->o, NEVER, "5.1.3", "%s \"%.200s\": %s", what, argument,
                r < 0 ? l.why : why);
    return sysexit_not_queued(EX_DATAERR, &s->o);
}

static int
read_facts(struct sendmail *s)
{
    if (facts_read(&s->facts, &s->o) == DONE)
        return 0;
    return sysexit_not_queued(
        strcmp(s->o.code, "4.3.5") == 0 ? EX_CONFIG : EX_TEMPFAIL, &s->o);
}

static enum verdict
user_address(struct sendmail *s, struct buf *b)
{
    if (!s->user && user_names(&s->user, &s->fullname, &s->o) != DONE)
        return LATER;
    addr_quote(b, view_of(s->user));
    buf_print(b, "@%s", s->facts.defaulthost);
    rewrite_sender(&s->facts.rewrite, b);
    return DONE;
}

static int
read_envelope(struct sendmail *s)
{
    const char *sender = s->options.sender;
    struct buf kept = {0};
    int code = 0;

    if (!sender && user_address(s, &s->sender) != DONE)
        code = sysexit_not_queued(EX_TEMPFAIL, &s->o);
    else if (!sender)
        code = 0;
    else if (*sender && strcmp(sender, "<>") != 0)
        code = read_argument(s, "-f", sender, &s->sender);
    for (size_t i = 0; i < s->options.count && code == 0; i++)
        code = read_argument(s, "recipient", s->options.rcpts[i], &kept);
    buf_free(&kept);
    if (code == 0 && s->rcpts.count == 0 && !s->options.take_rcpts)
        code = sysexit_say(EX_DATAERR, "not queued: no recipients (give "
                           "some, or -t to take them from the header)");
    return code;
}

static int
bad_input(int r)
{
    if (r == -E2BIG)
        return sysexit_say(EX_DATAERR, "not queued: the header is larger "
                           "than %d bytes", HEADER_MAX);
    return sysexit_say(r == -EISDIR || r == -EBADF ? EX_NOINPUT : EX_IOERR,
                       "not queued: cannot read the message: %s", strerror(-r));
}

/* The From that is missing: -f's address, else the user's. */
static enum verdict
complete(struct sendmail *s)
{
    struct view section = input_header(&s->input);
    struct complete_facts facts = {
        .names = facts_names(&s->facts),
        .rewrite = &s->facts.rewrite,
        .idhost = s->facts.idhost,
        .now_ms = date_now(),
        .chance = facts_chance(),
        .take_rcpts = s->options.take_rcpts,
    };
    struct buf from = {0};
    enum verdict v;

    if (complete_needs_from(section)) {
        if (s->sender.len)
            buf_addview(&from, buf_view(&s->sender));
        else if (user_address(s, &from) != DONE)
            return LATER;
        if (s->options.fullname)
            facts.fullname = view_of(s->options.fullname);
        else if (!s->options.sender && getenv("NAME"))
            facts.fullname = view_of(getenv("NAME"));
        else if (!s->options.sender)
            facts.fullname = view_of(s->fullname);
    }
    facts.from = buf_view(&from);
    v = complete_header(&s->header, section, &facts, &s->rcpts, &s->o);
    buf_free(&from);
    return v;
}

static int
send_message(struct sendmail *s)
{
    struct handover_envelope e = {
        .rcpts = &s->rcpts,
        .notify = s->options.notify,
        .ret = s->options.ret,
        .body = s->options.body,
        .envid = view_of(s->options.envid),
        .via = "sendmail",
    };
    enum verdict v;
    int r, code;

    if ((code = read_facts(s)) != 0 || (code = read_envelope(s)) != 0)
        return code;
    input_fd(&s->input, 0);
    if ((r = input_open(&s->input, HEADER_MAX)) < 0)
        return bad_input(r);
    if ((v = complete(s)) != DONE)
        return sysexit_not_queued(v == LATER ? EX_TEMPFAIL : EX_DATAERR,
                                  &s->o);
    if (s->rcpts.count == 0)
        return sysexit_say(EX_DATAERR, "not queued: no recipients in the "
                           "header");
    e.sender = buf_view(&s->sender);
    if (post_message(&s->input, &s->header, &e, s->facts.submitwait, &s->o,
                     &r) == DONE)
        return EX_OK;
    return r < 0 ? bad_input(r) : sysexit_not_queued(sysexit_of(&s->o), &s->o);
}

static int
serve_smtp(struct sendmail *s)
{
    int code = read_facts(s);

    return code ? code : local_smtp_run(&s->facts);
}

/* Whether the queue is there and closed to the caller. */
static bool
queue_closed(void)
{
    struct conf_paths paths;
    struct buf todo = {0};
    bool closed;

    conf_paths(&paths);
    buf_print(&todo, "%s/todo", paths.queue);
    closed = access(todo.data, R_OK) < 0 && errno == EACCES;
    conf_pathsfree(&paths);
    buf_free(&todo);
    return closed;
}

/* "godwit word ...", which says itself what is wrong. */
static int
ask_godwit(char **argv)
{
    int r;

    argv[0] = "godwit";
    alarm(0);
    r = beside_run("godwit", argv);
    if (r < 0)
        return sysexit_say(EX_UNAVAILABLE, "cannot run godwit: %s",
                           strerror(-r));
    switch (r) {
    case 0:
        return EX_OK;
    case 1:
        return EX_DATAERR;
    case EX_USAGE:
        return EX_USAGE;
    case 100:
        return EX_UNAVAILABLE;
    case 111:
        return queue_closed() ? EX_NOPERM : EX_TEMPFAIL;
    default:
        return EX_SOFTWARE;
    }
}

/* -q all, -qI one by its id, -qR and -qS those with text in a recipient or
 * the sender. */
static int
flush_queue(const struct options *options)
{
    char *all[] = {NULL, "flush", NULL};
    char *one[] = {NULL, "flush", (char *)options->flush, NULL};
    char *some[] = {NULL, "flush",
                    options->flush_by == 'R' ? "--rcpt" : "--sender",
                    (char *)options->flush, NULL};

    if (options->flush_by == 0)
        return ask_godwit(all);
    return ask_godwit(options->flush_by == 'I' ? one : some);
}

static int
show_routes(struct sendmail *s)
{
    struct buf kept = {0};
    char **argv;
    int code = read_facts(s);

    for (size_t i = 0; i < s->options.count && code == 0; i++)
        code = read_argument(s, "recipient", s->options.rcpts[i], &kept);
    buf_free(&kept);
    if (code == 0 && s->rcpts.count == 0)
        code = sysexit_say(EX_USAGE, "-bv: no address");
    if (code)
        return code;
    argv = mem_alloc((s->rcpts.count + 3) * sizeof *argv);
    argv[1] = "route";
    for (size_t i = 0; i < s->rcpts.count; i++)
        argv[2 + i] = mem_string(rcpts_get(&s->rcpts, i).data);
    code = ask_godwit(argv);
    for (size_t i = 0; i < s->rcpts.count; i++)
        free(argv[2 + i]);
    free(argv);
    return code;
}

static int
help(void)
{
    static const char text[] =
        "usage: sendmail [-t] [-i] [-f sender] [-F name] [-N notify] "
        "[-R ret]\n"
        "                [-V envid] [-B type] [--] [recipient ...]\n"
        "       sendmail -bs | -bp | -bi | -bv address ... | -q\n"
        "Reads a message from standard input and queues it; exit code 0 "
        "means\n"
        "that it is on disk.  See sendmail(8).\n";
    ssize_t n = write(1, text, sizeof text - 1);

    (void)n;
    return EX_OK;
}

static int
run(struct sendmail *s)
{
    switch (s->options.mode) {
    case MODE_HELP:
        return help();
    case MODE_ALIASES:
        return EX_OK; /* aliases are read as they are */
    case MODE_DAEMON:
        return sysexit_say(EX_USAGE, "Godwit is not started by sendmail: run "
                           "\"godwit start\" under systemd, s6 or runit");
    case MODE_SMTP:
        return serve_smtp(s);
    case MODE_LIST:
        return ask_godwit((char *[]){NULL, "queue", NULL});
    case MODE_FLUSH:
        return flush_queue(&s->options);
    case MODE_ROUTE:
        return show_routes(s);
    default:
        return send_message(s);
    }
}

int
main(int argc, char **argv)
{
    struct sendmail s = {0};
    struct buf why = {0};
    int code;

    mem_exit(EX_TEMPFAIL);
    hold_descriptors();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_alarm);
    alarm(INPUT_SECONDS);
    if (options_read(&s.options, argc, argv, &why))
        code = run(&s);
    else
        code = sysexit_say(EX_USAGE, "%s", why.data);

    complete_free(&s.header);
    input_free(&s.input);
    rcpts_free(&s.rcpts);
    facts_free(&s.facts);
    options_free(&s.options);
    free(s.user);
    free(s.fullname);
    buf_free(&s.sender);
    buf_free(&why);
    return code;
}
