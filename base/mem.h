/* mem.h - memory, or the end of the program
 *
 * Nothing here returns NULL: without memory the program says so and exits
 * 111 (or mem_exit's code), which is LATER for all it held.  In exchange
 * every length from outside meets a named limit before it comes here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* size zeroed bytes, owned by the caller, freed with free(). */
void *mem_alloc(size_t size);

/* The same at an address that is a multiple of align (a power of two), for
 * types that ask for more than malloc gives, as struct digest does. */
void *mem_aligned(size_t align, size_t size);

/* old, now size bytes long (new bytes undefined); old is gone. */
void *mem_grow(void *old, size_t size);

/* A copy of the len bytes at data with a zero byte behind it. */
char *mem_dup(const void *data, size_t len);

/* A copy of a string. */
char *mem_string(const char *s);

/* For a program with a pool of threads, before the first of them: they share
 * two arenas, where each would get one that stays nearly empty. */
void mem_share_arenas(void);

/* From now on the exit code when memory runs out, for programs whose callers
 * read other codes: sendmail 75, qmail-queue 51. */
void mem_exit(int code);

#endif
