#include "base/header.h"

#include <string.h>

enum line { FIELD, OTHER, UNSURE };

/* What the line at the start of v is, with colon the place of its colon.
 * UNSURE: v ends before that can be told. */
static enum line
judge(struct view v, bool fields, size_t *colon)
{
    size_t i = 0;

    *colon = 0;
    if (v.len && fields && (v.data[0] == ' ' || v.data[0] == '\t'))
        return FIELD;
    while (i < v.len && v.data[i] > ' ' && v.data[i] < 127 &&
           v.data[i] != ':')
        if (++i > HEADER_NAME_MAX)
            return OTHER;
    if (i == 0)
        return v.len ? OTHER : UNSURE;
    /* RFC 5322 4.5: blanks before the colon. */
    while (i < v.len && (v.data[i] == ' ' || v.data[i] == '\t'))
        if (++i > HEADER_NAME_MAX)
            return OTHER;
    if (i == v.len)
        return UNSURE;
    *colon = i;
    return v.data[i] == ':' ? FIELD : OTHER;
}

bool
header_next(struct view *v, struct header_field *f)
{
    struct view rest = *v;
    size_t colon, len;

    if (judge(rest, false, &colon) != FIELD)
        return false;
    do {
        size_t end = view_find(rest, '\n');

        rest = view_from(rest, end + 1);
    } while (rest.len && (rest.data[0] == ' ' || rest.data[0] == '\t'));
    len = v->len - rest.len;
    f->whole = view_make(v->data, len);
    f->name = view_trim(view_make(v->data, colon));
    if (v->data[len - 1] == '\n')
        len--;
    if (len < f->whole.len && len > colon + 1 && v->data[len - 1] == '\r')
        len--;
    f->body = view_make(v->data + colon + 1, len - colon - 1);
    *v = rest;
    return true;
}

bool
header_find(struct view section, const char *name, struct header_field *f)
{
    while (header_next(&section, f))
        if (view_equalcase(f->name, view_of(name)))
            return true;
    return false;
}

bool
header_scan(struct header_scan *s, struct view bytes, bool eof, size_t *end)
{
    for (;;) {
        struct view rest = view_from(bytes, s->seen);
        size_t lf, colon;

        if (!s->inside) {
            enum line kind =
                judge(view_from(bytes, s->line), s->fields, &colon);

            if (kind == UNSURE && !eof)
                return false;
            *end = s->line;
            if (kind != FIELD)
                return true;
            s->inside = s->fields = true;
        }
        lf = view_find(rest, '\n');
        s->seen += lf;
        *end = s->seen;
        if (lf == rest.len)
            return eof;
        s->line = ++s->seen;
        s->inside = false;
    }
}
