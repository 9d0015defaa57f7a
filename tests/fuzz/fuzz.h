/* fuzz.h - what the fuzzers share: bytes in, and a claim that must hold */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x) claim((x), #x)

__attribute__((unused)) static void
claim(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* A buffer of exactly these bytes, so that reading one more is seen. */
__attribute__((unused)) static struct view
exact(const void *data, size_t len)
{
    char *copy = malloc(len ? len : 1);

    if (!copy)
        abort();
    if (len)
        memcpy(copy, data, len);
    return view_make(copy, len);
}

#endif
