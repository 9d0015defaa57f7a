#include "inject/options.h"

#include "base/envelope.h"
#include "tests/tap.h"

enum { ARGS = 10 };

static bool
read_args(struct options *o, char *const *args, struct buf *why)
{
    char *argv[ARGS + 2] = {(char *)"/usr/sbin/sendmail"};
    int argc = 1;

    while (args[argc - 1]) {
        argv[argc] = args[argc - 1];
        argc++;
    }
    return options_read(o, argc, argv, why);
}

/* As the packages of Debian 12 call it. */
static void
callers(void)
{
    static const struct {
        char *args[ARGS];
        bool take_rcpts;
        const char *sender, *fullname, *rcpt, *name;
        uint8_t body;
    } rows[] = {
        {{"-FCronDaemon", "-i", "-B8BITMIME", "-oem", "user"}, false, NULL,
         "CronDaemon", "user", "cron", BODY_8BITMIME},
        {{"-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "from"},
         true, "from", "CronDaemon", NULL, "cronie", 0},
        {{"-FAnacron", "-odi", "root"}, false, NULL, "Anacron", "root",
         "anacron", 0},
        {{"-oem", "-oi", "-f", "a@x", "-N", "failure", "--", "b@x"}, false,
         "a@x", NULL, "b@x", "mutt", 0},
        {{"-f", "a@x", "-i", "b@x"}, false, "a@x", NULL, "b@x",
         "git send-email", 0},
        {{"-t", "-i", "-fa@x"}, true, "a@x", NULL, NULL, "PHP", 0},
        {{"-i", "-f", "a@x", "--", "b@x"}, false, "a@x", NULL, "b@x",
         "Rails", 0},
        {{"-oi", "-f", "user@host", "-t"}, true, "user@host", NULL, NULL,
         "mailutils", 0},
        {{"-i", "-m", "-v", "-r", "a@x", "b@x"}, false, "a@x", NULL, "b@x",
         "mailx", 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct options o;
        struct buf why = {0};
        bool good = read_args(&o, rows[i].args, &why);

        ok(good && o.mode == MODE_SEND &&
               o.take_rcpts == rows[i].take_rcpts &&
               o.body == rows[i].body && !o.sender == !rows[i].sender &&
               (!o.sender || !strcmp(o.sender, rows[i].sender)) &&
               !o.fullname == !rows[i].fullname &&
               o.count == (rows[i].rcpt ? 1u : 0u) &&
               (!rows[i].rcpt || !strcmp(o.rcpts[0], rows[i].rcpt)),
           "the arguments of %s", rows[i].name);
        options_free(&o);
        buf_free(&why);
    }
}

static void
modes(void)
{
    static const struct {
        char *args[ARGS];
        enum options_mode mode;
        char flush_by;
        const char *flush;
    } rows[] = {
        {{"-bs", "-i"}, MODE_SMTP, 0, NULL},
        {{"-bs", "-odb", "-oem"}, MODE_SMTP, 0, NULL},
        {{"-bp"}, MODE_LIST, 0, NULL},
        {{"-bi"}, MODE_ALIASES, 0, NULL},
        {{"-bv", "a"}, MODE_ROUTE, 0, NULL},
        {{"-b", "t", "a"}, MODE_ROUTE, 0, NULL},
        {{"-q"}, MODE_FLUSH, 0, NULL},
        {{"-qI7K"}, MODE_FLUSH, 'I', "7K"},
        {{"-qRx.test"}, MODE_FLUSH, 'R', "x.test"},
        {{"-bd", "-q30m"}, MODE_DAEMON, 0, NULL},
        {{"-q1h"}, MODE_DAEMON, 0, NULL},
        {{"--help"}, MODE_HELP, 0, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct options o;
        struct buf why = {0};
        bool good = read_args(&o, rows[i].args, &why);

        ok(good && o.mode == rows[i].mode && o.flush_by == rows[i].flush_by &&
               (!rows[i].flush || !strcmp(o.flush, rows[i].flush)),
           "%s %s is a mode of its own", rows[i].args[0],
           rows[i].args[1] ? rows[i].args[1] : "");
        options_free(&o);
        buf_free(&why);
    }
}

static void
faults(void)
{
    static char *const rows[][ARGS] = {
        {"-y"}, {"-ty"}, {"-f"}, {"-bx"}, {"-bss"}, {"-Nx"}, {"-Rx"},
        {"-V", "a b"}, {"-Bx"}, {"-F", "a\nb"}, {"-oi\n"}, {"---"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct options o;
        struct buf why = {0};

        ok(!read_args(&o, rows[i], &why) && why.len > 0,
           "row %zu is refused with a reason", i);
        options_free(&o);
        buf_free(&why);
    }
}

int
main(void)
{
    callers();
    modes();
    faults();
    return tap_end();
}
