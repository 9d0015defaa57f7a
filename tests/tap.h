/* tap.h - the Test Anything Protocol, one file
 *
 * A test's name is a sentence about behaviour.  Each test program ends with
 * `return tap_end();`. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool
ok(bool good, const char *fmt, ...)
{
    va_list ap;

    printf("%sok %d - ", good ? "" : "not ", ++tap_count);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    tap_failed += !good;
    fflush(stdout);
    return good;
}

__attribute__((unused)) static bool
same(const char *got, const char *want, const char *name)
{
    bool good = got && want && strcmp(got, want) == 0;

    ok(good, "%s", name);
    if (!good)
        printf("#  got: %s\n# want: %s\n", got ? got : "(none)",
               want ? want : "(none)");
    return good;
}

__attribute__((format(printf, 1, 2), unused)) static void
skip(const char *fmt, ...)
{
    va_list ap;

    printf("ok %d # SKIP ", ++tap_count);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

__attribute__((unused)) static int
tap_end(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}

#endif
