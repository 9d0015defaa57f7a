/* godwit - the operator's command */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/commands.h"

static const struct command {
    const char *word;
    int (*run)(int argc, char **argv);
    const char *usage;  /* what follows the word */
    const char *does;   /* one line */
    const char *detail; /* options, a line each; "" for none */
} commands[] = {
    {"init", init_main, "[--system] [--me NAME] [DIR]",
     "make an instance, or mend one",
     "  DIR          a private instance in this folder; else in GODWIT_HOME\n"
     "               or the system's folders\n"
     "  --system     the system's folders, whatever GODWIT_HOME says\n"
     "  --me NAME    the host's mail name (default: its full name)\n"},
    {"start", start_main,
     "[--ready-fd N] [--wait S] [--drain S] [--stop S] [--still S]",
     "run the instance in the foreground",
     "  --ready-fd N  write a newline to descriptor N when ready, close it\n"
     "  --wait S      seconds to wait for another instance's end (30)\n"
     "  --drain S     seconds a dead manager's workers may go on (30)\n"
     "  --stop S      seconds the programs have to end after TERM (60)\n"
     "  --still S     seconds a worker may be stopped by a signal (60)\n"},
    {"check", check_main, "",
     "say what is wrong with the settings and folders", ""},
    {"route", route_main, "[--from SENDER] ADDRESS ...",
     "show where mail for each address goes", ""},
    {"queue", list_main,
     "[--json] [--sender ADDR] [--recipient ADDR] [--older S] [--state WORD]",
     "list what is queued, or put right what a file-system check left",
     "  --json            one object\n"
     "  --sender ADDR     of this sender; <> is the null sender\n"
     "  --recipient ADDR  with this recipient\n"
     "  --older S         accepted S seconds ago or earlier\n"
     "  --state WORD      todo, info, broken or held\n"
     "usage: godwit queue --check|--repair [--json] [FILE ...]\n"
     "  --check           say what is not as it should be, change nothing\n"
     "  --repair          put it right or set it aside, delete nothing;\n"
     "                    not while the instance runs\n"
     "  FILE              a file that may belong in the queue: copied in\n"},
    {"show", show_main, "[--raw] ID",
     "show a message's envelope, states, schedule and history",
     "  --raw        the message itself, byte by byte\n"},
    {"trace", trace_main, "[--json] ID|ADDRESS",
     "show the life of a message from the ledger",
     "  --json       an object for each line\n"},
    {"flush", flush_main, "[ID | @DOMAIN | --rcpt TEXT | --sender TEXT]",
     "try deferred mail now",
     "  ID             this message, whatever its schedule says\n"
     "  @DOMAIN        what is owed to that domain\n"
     "  --rcpt TEXT    what is owed to an address with TEXT in it\n"
     "  --sender TEXT  from a sender with TEXT in it\n"},
    {"hold", hold_main, "ID", "do not try a message until it is released", ""},
    {"release", hold_main, "ID", "let a held message go, at once", ""},
    {"cancel", hold_main, "[--discard] ID",
     "give a message up: its sender is told",
     "  --discard    nobody is told; the file is kept in broken/\n"},
    {"status", status_main, "[--json]", "numbers of the running manager",
     "  --json       one object\n"},
    {"audit", audit_main, "[--json]",
     "account for every recipient accepted, by the ledger and the folders",
     "  --json       one object\n"},
};

static void
usage(FILE *out)
{
    fprintf(out, "usage: godwit COMMAND [ARGUMENT ...]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-8s %s\n", commands[i].word, commands[i].does);
    fprintf(out, "\ngodwit COMMAND --help says more; see godwit(8).\n");
}

static void
usage_of(const struct command *c)
{
    printf("usage: godwit %s %s\n%s.\n", c->word, c->usage, c->does);
    if (*c->detail)
        printf("\n%s", c->detail);
}

static int
run(const struct command *c, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0) {
            usage_of(c);
            return EXIT_OK;
        }
    return c->run(argc, argv);
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("godwit 0.1");
        return EXIT_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].word) == 0)
            return run(&commands[i], argc - 1, argv + 1);
    fprintf(stderr, "godwit: no command \"%s\"; see godwit --help\n", argv[1]);
    return EXIT_USAGE;
}
