#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "queue/commands.h"
#include "queue/hostname.h"
#include "queue/init.h"

struct choice {
    const char *me;
    const char *dir;
    bool system;
};

static bool
read_choice(struct choice *c, int argc, char **argv)
{
    static const struct option options[] = {
        {"me", required_argument, NULL, 'm'},
        {"system", no_argument, NULL, 's'},
        {0},
    };
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (o == 'm')
            c->me = optarg;
        else if (o == 's')
            c->system = true;
        else
            return false;
    if (optind < argc)
        c->dir = argv[optind++];
    return optind == argc && !(c->dir && (c->system || !*c->dir));
}

/* For a shell: bare where that is safe, else in single quotes. */
static void
print_quoted(const char *s)
{
    if (!s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789/._-+,:@%")]) {
        fputs(s, stdout);
        return;
    }
    putchar('\'');
    for (; *s; s++)
        if (*s == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*s);
    putchar('\'');
}

/* The private instance's folder, whole from the root on. */
static char *
absolute(const char *dir)
{
    struct buf b = {0};
    char *cwd;

    if (dir[0] != '/' && (cwd = getcwd(NULL, 0))) {
        buf_print(&b, "%s/", cwd);
        free(cwd);
    }
    buf_addstr(&b, dir);
    while (b.len > 1 && b.data[b.len - 1] == '/')
        b.data[--b.len] = 0;
    return b.data;
}

int
init_main(int argc, char **argv)
{
    struct choice c = {0};
    struct instance i;
    char *home = NULL;
    int code;

    if (!read_choice(&c, argc, argv)) {
        fprintf(stderr, "usage: godwit init [--system] [--me NAME] [DIR]\n");
        return EXIT_USAGE;
    }
    if (c.me && !hostname_valid(c.me)) {
        fprintf(stderr, "godwit init: \"%s\" is not a host's name\n", c.me);
        return EXIT_USAGE;
    }
    if (c.system)
        unsetenv("GODWIT_HOME");
    if (c.dir) {
        home = absolute(c.dir);
        setenv("GODWIT_HOME", home, 1);
    }
    instance_open(&i);
    code = init_instance(&i, c.me);
    if (code == 0 && home) {
        printf("export GODWIT_HOME=");
        print_quoted(home);
        printf("\n");
    }
    instance_free(&i);
    free(home);
    if (fflush(stdout) != 0 && code == 0)
        code = EXIT_LATER;
    return code;
}
