#include "inject/options.h"
#include "tests/fuzz/fuzz.h"

enum { ARGS_MAX = 64 };

/* sendmail's arguments, each ended by a NUL: each recipient is one of them. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *argv[ARGS_MAX + 1] = {NULL};
    struct options o = {0};
    struct buf why = {0};
    int argc = 0;

    while (argc < ARGS_MAX && (size || argc == 0)) {
        const uint8_t *end = size ? memchr(data, 0, size) : NULL;
        size_t len = end ? (size_t)(end - data) : size;

        argv[argc] = malloc(len + 1);
        if (len)
            memcpy(argv[argc], data, len);
        argv[argc++][len] = 0;
        len += end != NULL;
        data += len;
        size -= len;
    }
    if (!options_read(&o, argc, argv, &why))
        CLAIM(why.len > 0);
    for (size_t i = 0; i < o.count; i++) {
        bool given = false;

        for (int k = 1; k < argc; k++)
            given |= o.rcpts[i] == argv[k];
        CLAIM(given);
    }
    options_free(&o);
    buf_free(&why);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return 0;
}
