/* micro.h - what the micro-benchmarks share
 *
 * Each is a program that does one thing N times in the folder where it is
 * started, an empty one of its own, and ends with 0 if it went well each
 * time.  tests/bench/micro.py counts its instructions. */
#ifndef TESTS_BENCH_MICRO_H
#define TESTS_BENCH_MICRO_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

__attribute__((unused)) static void
micro_must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

/* Argument number i, at least 1 and at most max. */
__attribute__((unused)) static unsigned
micro_number(int argc, char **argv, int i, unsigned max)
{
    uint64_t n;

    if (i >= argc || !view_number(view_of(argv[i]), max, &n) || n == 0) {
        fprintf(stderr, "usage: see the top of %s.c\n", argv[0]);
        exit(64);
    }
    return (unsigned)n;
}

#endif
