/* fuzz_list.h - a control file's lines without a file */
#ifndef TESTS_FUZZ_FUZZ_LIST_H
#define TESTS_FUZZ_FUZZ_LIST_H

#include "base/conf.h"
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

/* The lines of in up to one that is "=next"; what follows it stays. */
static struct conf_list
fuzz_list(struct view *in)
{
    struct conf_list l = {0};
    struct view line;

    while (view_line(in, &line) && !view_is(line, "=next")) {
        if (memchr(line.data, 0, line.len))
            continue;
        l.items = mem_grow(l.items, (l.count + 1) * sizeof *l.items);
        l.lines = mem_grow(l.lines, (l.count + 1) * sizeof *l.lines);
        l.items[l.count] = mem_dup(line.data, line.len);
        l.lines[l.count] = (unsigned)l.count + 1;
        l.count++;
    }
    return l;
}

#endif
