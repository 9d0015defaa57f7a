#include "place.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NEAR = 256, FAR = 1024, DEPTH = 3, DEPTH_STATIC = 5, BASES = 256 };

struct function {
    unsigned long start, end;
    const char *name;
};

static const unsigned char *image;
static struct function *functions;
static size_t function_count;
static unsigned long text_start, text_end; /* as in the file */
static const char *program_path;
static int depth_max = DEPTH_STATIC; /* the library's functions count */

static void
must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    _exit(111);
}

static int
by_start(const void *a, const void *b)
{
    const struct function *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

static void
add_symbols(const Elf64_Shdr *sections, const Elf64_Shdr *s,
            unsigned long first)
{
    const Elf64_Sym *sym = (const void *)(image + s->sh_offset);
    const char *names = (const char *)image + sections[s->sh_link].sh_offset;
    size_t n = s->sh_size / sizeof *sym;

    functions = calloc(n + 1, sizeof *functions);
    must(functions != NULL, "memory");
    for (size_t i = 0; i < n; i++)
        if (ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC && sym[i].st_size)
            functions[function_count++] = (struct function){
                sym[i].st_value - first,
                sym[i].st_value - first + sym[i].st_size,
                names + sym[i].st_name};
    qsort(functions, function_count, sizeof *functions, by_start);
}

/* Where the program's first byte is to lie: 0 if anywhere. */
static unsigned long
first_address(const Elf64_Ehdr *e)
{
    const Elf64_Phdr *p = (const void *)(image + e->e_phoff);

    for (int i = 0; i < e->e_phnum; i++)
        if (p[i].p_type == PT_LOAD && p[i].p_offset == 0)
            return p[i].p_vaddr;
    return 0;
}

static bool
has_interpreter(const Elf64_Ehdr *e)
{
    const Elf64_Phdr *p = (const void *)(image + e->e_phoff);

    for (int i = 0; i < e->e_phnum; i++)
        if (p[i].p_type == PT_INTERP)
            return true;
    return false;
}

void
place_program(const char *path)
{
    const Elf64_Ehdr *e;
    const Elf64_Shdr *s;
    unsigned long first, at;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    must(fd >= 0 && fstat(fd, &st) == 0, path);
    image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    must(image != MAP_FAILED, path);
    close(fd);
    program_path = path;
    e = (const void *)image;
    s = (const void *)(image + e->e_shoff);
    first = first_address(e);
    if (has_interpreter(e))
        depth_max = DEPTH;
    for (int i = 0; i < e->e_shnum; i++) {
        if (s[i].sh_type == SHT_SYMTAB)
            add_symbols(s, &s[i], first);
        if (!(s[i].sh_flags & SHF_EXECINSTR) || !s[i].sh_addr)
            continue;
        at = s[i].sh_addr - first;
        if (!text_start || at < text_start)
            text_start = at;
        if (at + s[i].sh_size > text_end)
            text_end = at + s[i].sh_size;
    }
    must(function_count > 0, "symbols of the program");
}

static const struct function *
function_at(unsigned long at)
{
    size_t low = 0, high = function_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (functions[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < function_count && functions[low].start <= at
               ? &functions[low] : NULL;
}

/* Where the relative branch of four bytes that ends at end leads. */
static unsigned long
branch(unsigned long end)
{
    int32_t relative;

    memcpy(&relative, image + end - 4, sizeof relative);
    return end + (unsigned long)(long)relative;
}

/* The text's addresses in the file and in the program are the same: a
 * position-independent program's segments are laid out so. */
static bool
after_call(unsigned long at, unsigned long *target)
{
    *target = 0;
    if (at < text_start + 8 || at >= text_end)
        return false;
    if (image[at - 5] == 0xe8) {
        *target = branch(at);
        return *target >= text_start && *target < text_end;
    }
    return (image[at - 6] == 0xff && image[at - 5] == 0x15) ||
           (image[at - 2] == 0xff && (image[at - 1] & 0xf8) == 0xd0) ||
           (image[at - 3] == 0xff && (image[at - 2] & 0xf8) == 0x50);
}

/* Whether a call to target can be in function f now: it is f, or it ends
 * with a jump to f. */
static bool
leads(unsigned long target, const struct function *f)
{
    const struct function *g = function_at(target);

    if (!g || g->start != target)
        return false;
    for (unsigned long at = g->start + 5; g != f && at <= g->end; at++)
        if ((image[at - 5] == 0xe9 || (image[at - 6] == 0x0f &&
                                       (image[at - 5] & 0xf0) == 0x80)) &&
            branch(at) == f->start)
            return true;
    return g == f;
}

/* How far above its place in the file the program lies. */
static unsigned long
load_base(pid_t pid)
{
    char path[64], line[4500], file[4096];
    unsigned long start, offset, base = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    f = fopen(path, "r");
    while (f && !base && fgets(line, sizeof line, f)) {
        file[0] = 0;
        if (sscanf(line, "%lx-%*x %*s %lx %*s %*s %4095s", &start, &offset,
                   file) == 3 && offset == 0 &&
            strcmp(file, program_path) == 0)
            base = start;
    }
    if (f)
        fclose(f);
    return base;
}

/* A thread keeps its base until it executes something else. */
static struct {
    pid_t pid;
    unsigned long base;
} bases[BASES];

void
place_forget(void)
{
    memset(bases, 0, sizeof bases);
}

static unsigned long
base_of(pid_t pid)
{
    int at = pid % BASES;

    if (bases[at].pid != pid || !bases[at].base) {
        bases[at].pid = pid;
        bases[at].base = load_base(pid);
    }
    return bases[at].base;
}

static size_t
read_stack(pid_t pid, unsigned long sp, unsigned long *words, size_t count)
{
    struct iovec here = {words, count * sizeof *words};
    struct iovec there = {(void *)sp, count * sizeof *words};
    ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

    /* Near the end of the stack page by page. */
    if (n < 0) {
        struct iovec parts[3];
        size_t first = 4096 - sp % 4096;

        parts[0] = (struct iovec){(void *)sp, first};
        parts[1] = (struct iovec){(void *)(sp + first), 4096};
        n = process_vm_readv(pid, &here, 1, parts, 2, 0);
    }
    return n < 0 ? 0 : (size_t)n / sizeof *words;
}

static size_t
first_return(const unsigned long *words, size_t count, unsigned long base)
{
    size_t any = count;

    for (size_t i = 0; i < count && i < NEAR; i++) {
        unsigned long target;

        if (!after_call(words[i] - base, &target))
            continue;
        if (target && !function_at(target))
            return i; /* by the linkage table: a library was called */
        if (any == count)
            any = i;
    }
    return any;
}

bool
place_print(pid_t pid, unsigned long sp, char text[PLACE_MAX])
{
    unsigned long words[FAR], base = base_of(pid), target;
    size_t count = read_stack(pid, sp, words, FAR);
    size_t at = base ? first_return(words, count, base) : count;
    const struct function *f;
    size_t len = 0;

    snprintf(text, PLACE_MAX, "lib");
    if (at >= count)
        return false;
    for (int depth = 0; depth < depth_max && at < count; depth++) {
        f = function_at(words[at] - base);
        if (!f || len >= PLACE_MAX - 1)
            break;
        len += (size_t)snprintf(text + len, PLACE_MAX - len, "%s%s+%lx",
                                depth ? "<" : "", f->name,
                                words[at] - base - f->start);
        for (at++; at < count; at++)
            if (after_call(words[at] - base, &target) && target &&
                leads(target, f))
                break;
    }
    return len > 0;
}
