#include <stdio.h>

#include "queue/check.h"
#include "queue/commands.h"

/* `godwit check` differs from the other commands: 1 says that it worked and
 * found something wrong. */
enum { EXIT_PROBLEMS = 1 };

static const char *
plural(unsigned n)
{
    return n == 1 ? "" : "s";
}

int
check_main(int argc, char **argv)
{
    struct instance i;
    struct check c = {0};
    int code;

    if (argc > 1) {
        fprintf(stderr, "godwit check: no arguments, not \"%s\"\n", argv[1]);
        return EXIT_USAGE;
    }
    instance_open(&i);
    check_instance(&c, &i);
    code = c.blind ? EXIT_LATER : c.problems ? EXIT_PROBLEMS : EXIT_OK;
    if (c.report.len)
        fputs(c.report.data, stdout);
    printf("%s, %s: %u problem%s, %u warning%s\n", i.paths.control,
           i.paths.queue, c.problems, plural(c.problems), c.warnings,
           plural(c.warnings));
    if (fflush(stdout) == EOF)
        code = EXIT_LATER;
    check_free(&c);
    instance_free(&i);
    return code;
}
