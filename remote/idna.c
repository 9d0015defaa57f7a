#include "remote/idna.h"

#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
all_ascii(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.data[i] > 127)
            return false;
    return true;
}

bool
idna_ascii(struct view name, char ascii[IDNA_NAME_MAX], const char **why)
{
    size_t dot = name.len && *name.data == '.';
    char copy[IDNA_NAME_MAX], *found = NULL;
    int r;

    *why = "too long, or holds a NUL byte";
    if (name.len >= IDNA_NAME_MAX || view_find(name, 0) < name.len)
        return false;
    snprintf(ascii, IDNA_NAME_MAX, "%.*s", (int)name.len, name.data);
    if (all_ascii(name))
        return true;
    strcpy(copy, ascii);
    r = idn2_to_ascii_8z(copy + dot, &found, IDN2_NONTRANSITIONAL);
    if (r == IDN2_MALLOC)
        abort();
    if (r != IDN2_OK) {
        *why = idn2_strerror(r);
        return false;
    }
    r = snprintf(ascii, IDNA_NAME_MAX, "%s%s", dot ? "." : "", found);
    idn2_free(found);
    return r < IDNA_NAME_MAX;
}
