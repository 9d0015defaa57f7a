/* inject.c - godwit-inject(8): qmail-inject's options and environment */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/addrlist.h"
#include "base/date.h"
#include "base/mem.h"
#include "inject/facts.h"
#include "inject/fields.h"
#include "inject/followup.h"
#include "inject/post.h"
#include "inject/user.h"

enum { EXIT_NEVER = 100, EXIT_LATER = 111, INPUT_SECONDS = 24 * 3600 };

/* Where recipients come from. */
enum from { FROM_EITHER, FROM_ARGUMENTS, FROM_HEADER, FROM_BOTH };

struct inject {
    enum from from;
    bool print;
    const char *sender_option;
    const char *letters;       /* QMAILINJECT */
    struct facts facts;
    struct buf author, sender; /* kept */
    const char *name;
    char *user, *fullname;     /* of passwd, if asked */
    struct rcpts rcpts;
    struct input input;
    struct complete header;
    struct buf extra;
    struct outcome o;
};

/* A line on standard error; returns code. */
static int
say(int code, const char *text)
{
    struct buf line = {0};
    ssize_t n;

    buf_print(&line, "godwit-inject: %s%s\n",
              code == EXIT_LATER ? "try again: " : "", text);
    n = write(2, line.data, line.len);
    (void)n;
    buf_free(&line);
    return code;
}

static int
say_outcome(const struct outcome *o)
{
    return o->verdict == DONE ? 0 : say(verdict_exit(o->verdict), o->text);
}

static void
on_alarm(int number)
{
    (void)number;
    _exit(say(EXIT_LATER, "the message did not end within a day"));
}

/* The first of these variables that is set and not empty, or NULL. */
static const char *
first_set(const char *const *names)
{
    for (; *names; names++) {
        const char *value = getenv(*names);

        if (value && *value)
            return value;
    }
    return NULL;
}

static int
read_options(struct inject *s, int argc, char **argv)
{
    int c;

    opterr = 0;
    while ((c = getopt(argc, argv, "+aAhHnNf:")) != -1)
        switch (c) {
        case 'a':
            s->from = FROM_ARGUMENTS;
            break;
        case 'A':
            s->from = FROM_EITHER;
            break;
        case 'h':
            s->from = FROM_HEADER;
            break;
        case 'H':
            s->from = FROM_BOTH;
            break;
        case 'n':
            s->print = true;
            break;
        case 'N':
            s->print = false;
            break;
        case 'f':
            s->sender_option = optarg;
            break;
        default:
            return say(EXIT_NEVER, "usage: godwit-inject [-aAhHnN] "
                       "[-f sender] [recipient ...]");
        }
    return 0;
}

/* The environment goes over the settings. */
static int
read_facts(struct inject *s)
{
    struct {
        const char *variable;
        char **value;
    } rows[] = {
        {"QMAILDEFAULTDOMAIN", &s->facts.defaultdomain},
        {"QMAILDEFAULTHOST", &s->facts.defaulthost},
        {"QMAILIDHOST", &s->facts.idhost},
        {"QMAILPLUSDOMAIN", &s->facts.plusdomain},
    };
    const char *why;

    if (facts_read(&s->facts, &s->o) != DONE)
        return say(EXIT_LATER, s->o.text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *value = getenv(rows[i].variable);

        if (!value || !*value)
            continue;
        if (!addr_domain(view_of(value), &why)) {
            outcome_set(&s->o, NEVER, "5.1.3", "%s: %s", rows[i].variable,
                        why);
            return say_outcome(&s->o);
        }
        free(*rows[i].value);
        *rows[i].value = mem_string(value);
    }
    return 0;
}

/* An address as qmail writes it: the last '@' parts it, no quotes. */
static int
keep(struct inject *s, struct buf *kept, const char *what, const char *user,
     const char *host)
{
    struct qualify names = facts_names(&s->facts);
    const char *why = "not a mailbox";

    buf_clear(kept);
    addr_quote(kept, view_of(user));
    if (host)
        buf_print(kept, "@%s", host);
    if (addr_unclean(buf_view(kept)))
        why = "a line break or control character, or not UTF-8";
    else if (*user && (!host || *host) &&
             qualify_address(&names, kept, &why) == 0) {
        if (strcmp(what, "recipient") == 0)
            rewrite_rcpt(&s->facts.rewrite, kept);
        else
            rewrite_sender(&s->facts.rewrite, kept);
        return 0;
    }
    outcome_set(&s->o, NEVER, "5.1.3", "not queued: %s \"%.200s%s%.200s\": "
                "%s", what, user, host ? "@" : "", host ? host : "", why);
    return say_outcome(&s->o);
}

static int
keep_argument(struct inject *s, struct buf *kept, const char *what,
              const char *argument)
{
    const char *at = strrchr(argument, '@');
    char *user = mem_dup(argument, at ? (size_t)(at - argument)
                                      : strlen(argument));
    int code = keep(s, kept, what, user, at ? at + 1 : NULL);

    free(user);
    return code;
}

/* Who the environment says is writing. */
static int
read_author(struct inject *s)
{
    static const char *const users[] = {"QMAILUSER", "MAILUSER", "USER",
                                        "LOGNAME", NULL};
    static const char *const hosts[] = {"QMAILHOST", "MAILHOST", NULL};
    static const char *const names[] = {"QMAILNAME", "MAILNAME", "NAME", NULL};
    const char *user = first_set(users);

    if (!user) {
        if (user_names(&s->user, &s->fullname, &s->o) != DONE)
            return say_outcome(&s->o);
        user = s->user;
    }
    s->name = first_set(names);
    return keep(s, &s->author, "user", user, first_set(hosts));
}

static bool
letter(const struct inject *s, char c)
{
    return s->letters && strchr(s->letters, c);
}

/* The sender that nothing else names; the letters r and m make one that tells
 * bounces apart. */
static int
default_sender(struct inject *s)
{
    static const char *const users[] = {"QMAILSUSER", "QMAILUSER", "MAILUSER",
                                        "USER", "LOGNAME", NULL};
    static const char *const hosts[] = {"QMAILSHOST", "QMAILHOST", "MAILHOST",
                                        NULL};
    const char *user = first_set(users);
    struct view local, domain;
    struct buf b = {0};
    int code = keep(s, &s->sender, "sender", user ? user : s->user,
                    first_set(hosts));

    if (code || !(letter(s, 'r') || letter(s, 'm')))
        return code;
    addr_split(buf_view(&s->sender), &local, &domain);
    addr_unquote(&b, local);
    if (letter(s, 'm'))
        buf_print(&b, "-%ju.%ld", (uintmax_t)(date_now() / 1000),
                  (long)getpid());
    if (letter(s, 'r'))
        buf_addbyte(&b, '-');
    addr_quote(&s->extra, buf_view(&b));
    buf_print(&s->extra, letter(s, 'r') ? "@%.*s-@[]" : "@%.*s",
              (int)domain.len, domain.data);
    buf_clear(&s->sender);
    buf_addview(&s->sender, buf_view(&s->extra));
    buf_clear(&s->extra);
    buf_free(&b);
    return 0;
}

/* -f, else the header's Return-Path, else the environment. */
static int
read_sender(struct inject *s)
{
    struct qualify names = facts_names(&s->facts);
    struct header_field f;
    struct addrlist_item item;
    struct addrlist l;
    const char *why;

    if (s->sender_option)
        return *s->sender_option ? keep_argument(s, &s->sender, "-f",
                                                 s->sender_option)
                                 : 0;
    if (letter(s, 's') ||
        !header_find(input_header(&s->input), "Return-Path", &f))
        return default_sender(s);
    addrlist_open(&l, f.body);
    if (addrlist_next(&l, &item, &s->sender) == 1 &&
        (item.null || qualify_address(&names, &s->sender, &why) == 0)) {
        rewrite_sender(&s->facts.rewrite, &s->sender);
        return 0;
    }
    return say(EXIT_NEVER, "cannot read the address in Return-Path");
}

/* QMAILMFTFILE names a file of mailing lists. */
static int
read_followup(struct inject *s)
{
    struct qualify names = facts_names(&s->facts);
    const char *file = getenv("QMAILMFTFILE");
    struct conf_list lists;
    int r;

    if (!file || !*file)
        return 0;
    r = conf_list(AT_FDCWD, file, &lists);
    if (r == 0)
        followup_print(&s->extra, input_header(&s->input), &names, &lists);
    conf_listfree(&lists);
    return r < 0 && r != -ENOENT
               ? say(EXIT_LATER, "cannot read the file that QMAILMFTFILE names")
               : 0;
}

static enum verdict
complete(struct inject *s, bool take_rcpts)
{
    struct complete_facts facts = {
        .names = facts_names(&s->facts),
        .rewrite = &s->facts.rewrite,
        .idhost = s->facts.idhost,
        .from = buf_view(&s->author),
        .fullname = view_of(s->name),
        .now_ms = date_now(),
        .chance = facts_chance(),
        .take_rcpts = take_rcpts,
        .drop = (letter(s, 'f') ? (unsigned)FIELD_FROM : 0) |
                (letter(s, 'i') ? (unsigned)FIELD_MESSAGE_ID : 0),
        .comment = letter(s, 'c'),
        .note_hidden = true,
        .extra = buf_view(&s->extra),
    };

    return complete_header(&s->header, input_header(&s->input), &facts,
                           &s->rcpts, &s->o);
}

static int
read_rcpts(struct inject *s, char **arguments)
{
    struct buf kept = {0};
    int code = 0;

    for (; *arguments && code == 0; arguments++) {
        code = keep_argument(s, &kept, "recipient", *arguments);
        if (code == 0 && rcpts_add(&s->rcpts, buf_view(&kept)) < 0)
            code = say(EXIT_NEVER, "too many recipients");
    }
    buf_free(&kept);
    return code;
}

static int
run(struct inject *s, int argc, char **argv)
{
    struct handover_envelope e = {.rcpts = &s->rcpts, .via = "inject"};
    bool take;
    int code, r;

    s->letters = getenv("QMAILINJECT");
    if ((code = read_options(s, argc, argv)) != 0 ||
        (code = read_facts(s)) != 0)
        return code;
    take = s->from == FROM_HEADER || s->from == FROM_BOTH ||
           (s->from == FROM_EITHER && optind >= argc);
    if (s->from != FROM_HEADER &&
        (code = read_rcpts(s, argv + optind)) != 0)
        return code;
    input_fd(&s->input, 0);
    if ((r = input_open(&s->input, HEADER_MAX)) < 0)
        return r == -E2BIG ? say(EXIT_NEVER, "the header is too large")
                           : say(EXIT_LATER, "cannot read the message");
    if ((code = read_author(s)) != 0 || (code = read_sender(s)) != 0 ||
        (code = read_followup(s)) != 0)
        return code;
    if (complete(s, take) != DONE)
        return say_outcome(&s->o);
    if (s->rcpts.count == 0 && !s->print)
        return say(EXIT_NEVER, "no recipients");
    e.print = s->print;
    e.sender = buf_view(&s->sender);
    post_message(&s->input, &s->header, &e, s->facts.submitwait, &s->o, &r);
    return say_outcome(&s->o);
}

int
main(int argc, char **argv)
{
    struct inject s = {0};
    int code;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_alarm);
    alarm(INPUT_SECONDS);
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDWR);
    code = run(&s, argc, argv);

    complete_free(&s.header);
    input_free(&s.input);
    rcpts_free(&s.rcpts);
    facts_free(&s.facts);
    buf_free(&s.author);
    buf_free(&s.sender);
    buf_free(&s.extra);
    free(s.user);
    free(s.fullname);
    return code;
}
