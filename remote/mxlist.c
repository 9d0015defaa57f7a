#include "remote/mxlist.h"

#include <stdlib.h>
#include <string.h>

static bool
host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* One label at the start of v, in small letters, with a dot before it unless
 * it is the first. */
static bool
take_label(struct view *v, char *name, size_t *used)
{
    size_t len = (unsigned char)v->data[0];

    if (len > 63 || len >= v->len || *used + len + 2 > MXLIST_NAME_MAX)
        return false;
    if (*used)
        name[(*used)++] = '.';
    for (size_t i = 1; i <= len; i++) {
        if (!host_byte(v->data[i]))
            return false;
        name[(*used)++] = lower(v->data[i]);
    }
    *v = view_from(*v, len + 1);
    return true;
}

bool
mxlist_read(struct mx_record *r, struct view rdata)
{
    size_t used = 0;

    memset(r, 0, sizeof *r);
    if (rdata.len < 3)
        return false;
    r->preference = (unsigned)((unsigned char)rdata.data[0] << 8 |
                               (unsigned char)rdata.data[1]);
    rdata = view_from(rdata, 2);
    while (rdata.len && rdata.data[0] != 0)
        if (!take_label(&rdata, r->name, &used))
            return false;
    return rdata.len == 1;
}

bool
mxlist_null(const struct mx_record *list, size_t count)
{
    return count == 1 && list[0].name[0] == 0;
}

static int
compare(const void *a, const void *b)
{
    const struct mx_record *x = a, *y = b;

    if (x->preference != y->preference)
        return x->preference < y->preference ? -1 : 1;
    return x->chance < y->chance ? -1 : x->chance > y->chance;
}

static bool
is_own(const struct mx_record *r, const char *const *own)
{
    /* RFC 6761 6.3: this host, whatever it is called. */
    if (view_is(view_of(r->name), "localhost"))
        return true;
    for (; *own; own++)
        if (view_equalcase(view_of(r->name), view_of(*own)))
            return true;
    return false;
}

size_t
mxlist_order(struct mx_record *list, size_t count, const char *const *own)
{
    unsigned limit = UINT16_MAX + 1;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (list[i].preference < limit && is_own(&list[i], own))
            limit = list[i].preference;
    for (size_t i = 0; i < count; i++)
        if (list[i].preference < limit && list[i].name[0])
            list[kept++] = list[i];
    qsort(list, kept, sizeof *list, compare);
    return kept < MXLIST_MAX ? kept : MXLIST_MAX;
}
