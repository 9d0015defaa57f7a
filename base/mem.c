#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int exit_code = 111;

void
mem_exit(int code)
{
    exit_code = code;
}

void
mem_share_arenas(void)
{
#ifdef M_ARENA_MAX /* not every libc has them */
    mallopt(M_ARENA_MAX, 2);
#endif
}

static void
die(void)
{
    static const char why[] = "fatal why=\"out of memory\"\n";
    ssize_t r = write(2, why, sizeof why - 1);

    (void)r;
    _exit(exit_code);
}

void *
mem_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (!p)
        die();
    return p;
}

void *
mem_aligned(size_t align, size_t size)
{
    size_t whole = (size + align - 1) / align * align;
    void *p = aligned_alloc(align, whole);

    if (!p)
        die();
    return memset(p, 0, whole);
}

void *
mem_grow(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);

    if (!p)
        die();
    return p;
}

char *
mem_dup(const void *data, size_t len)
{
    char *p = mem_alloc(len + 1);

    if (len)
        memcpy(p, data, len);
    return p;
}

char *
mem_string(const char *s)
{
    return mem_dup(s, strlen(s));
}
