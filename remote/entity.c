#include "remote/entity.h"

#include <string.h>

#include "base/header.h"

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct view
skip_blanks(struct view v)
{
    while (v.len && is_blank(*v.data))
        v = view_from(v, 1);
    return v;
}

/* Takes a token (RFC 2045 5.1) off v, and the blanks around it. */
static struct view
token(struct view *v)
{
    struct view t = *v = skip_blanks(*v);
    size_t n = 0;

    while (n < v->len && v->data[n] > ' ' && v->data[n] != 127 &&
           !strchr("()<>@,;:\\\"/[]?=", v->data[n]))
        n++;
    t.len = n;
    *v = skip_blanks(view_from(*v, n));
    return t;
}

static bool
take(struct view *v, char c)
{
    if (v->len == 0 || *v->data != c)
        return false;
    *v = skip_blanks(view_from(*v, 1));
    return true;
}

/* A token or a quoted string, without quotes, into value; false if it is
 * neither, or too long. */
static bool
parameter_value(struct view *v, char value[ENTITY_BOUNDARY_MAX + 1])
{
    size_t n = 0;
    struct view t;

    if (!take(v, '"')) {
        t = token(v);
        if (t.len > ENTITY_BOUNDARY_MAX)
            return false;
        memcpy(value, t.data, t.len);
        value[t.len] = 0;
        return t.len > 0;
    }
    while (v->len && *v->data != '"') {
        if (*v->data == '\\' && v->len > 1)
            *v = view_from(*v, 1);
        if (n == ENTITY_BOUNDARY_MAX)
            return false;
        value[n++] = *v->data;
        *v = view_from(*v, 1);
    }
    value[n] = 0;
    return take(v, '"');
}

static bool
find_boundary(struct view v, char boundary[ENTITY_BOUNDARY_MAX + 1])
{
    char value[ENTITY_BOUNDARY_MAX + 1];

    while (take(&v, ';')) {
        struct view name = token(&v);

        if (name.len == 0)
            continue;
        if (!take(&v, '=') || !parameter_value(&v, value))
            return false;
        if (!view_equalcase(name, view_of("boundary")))
            continue;
        memcpy(boundary, value, sizeof value);
        return *boundary != 0;
    }
    return false;
}

/* A signed part is what was signed byte for byte (RFC 1847 2.1). */
static void
read_multipart(struct entity *e, struct view subtype, struct view rest)
{
    e->digest = view_equalcase(subtype, view_of("digest"));
    if (view_equalcase(subtype, view_of("signed")) ||
        view_equalcase(subtype, view_of("encrypted")) ||
        !find_boundary(rest, e->boundary))
        e->kind = ENTITY_OPAQUE;
    else
        e->kind = ENTITY_MULTIPART;
}

static void
read_type(struct entity *e, struct view v)
{
    struct view type = token(&v), subtype;

    e->typed = true;
    e->kind = ENTITY_TEXT; /* RFC 2045 5.2: what cannot be read is text */
    if (!take(&v, '/'))
        return;
    subtype = token(&v);
    if (view_equalcase(type, view_of("multipart")))
        read_multipart(e, subtype, v);
    else if (view_equalcase(type, view_of("message")))
        e->kind = view_equalcase(subtype, view_of("rfc822")) ? ENTITY_MESSAGE
                                                             : ENTITY_OPAQUE;
    else if (!view_equalcase(type, view_of("text")))
        e->kind = ENTITY_BYTES;
}

static enum entity_encoding
read_encoding(struct view v)
{
    static const struct {
        const char *name;
        enum entity_encoding encoding;
    } names[] = {
        {"7bit", ENTITY_7BIT},           {"8bit", ENTITY_8BIT},
        {"binary", ENTITY_8BIT},         {"base64", ENTITY_BASE64},
        {"quoted-printable", ENTITY_QUOTED},
    };
    struct view name = token(&v);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (view_equalcase(name, view_of(names[i].name)))
            return names[i].encoding;
    return ENTITY_OTHER;
}

static bool
is_encoding(const struct header_field *f)
{
    return view_equalcase(f->name, view_of("Content-Transfer-Encoding"));
}

void
entity_read(struct entity *e, struct view header, bool in_digest)
{
    unsigned types = 0, encodings = 0;
    struct header_field f;

    memset(e, 0, sizeof *e);
    e->kind = in_digest ? ENTITY_MESSAGE : ENTITY_TEXT;
    while (header_next(&header, &f)) {
        if (view_equalcase(f.name, view_of("Content-Type")) && !types++)
            read_type(e, f.body);
        else if (is_encoding(&f) && !encodings++)
            e->encoding = read_encoding(f.body);
        else if (view_equalcase(f.name, view_of("Content-Type")))
            types++;
        else if (is_encoding(&f))
            encodings++;
        else if (view_equalcase(f.name, view_of("MIME-Version")))
            e->versioned = true;
    }
    /* Whoever reads it takes one of them, and we don't know which. */
    if (types > 1 || encodings > 1)
        e->kind = ENTITY_OPAQUE;
}

/* The last blank of line to fold at: text stands before and behind it, so
 * that no line is of blanks alone (RFC 5322 3.2.2).  0: none. */
static size_t
fold_place(struct view line)
{
    size_t last = line.len;

    while (last > 0 && is_blank(line.data[last - 1]))
        last--;
    if (last > ENTITY_LINE_MAX + 1)
        last = ENTITY_LINE_MAX + 1;
    while (last > 1) {
        last--;
        if (is_blank(line.data[last]) && !is_blank(line.data[last - 1]))
            return last;
    }
    return 0;
}

static bool
write_line(struct buf *out, struct view line)
{
    while (line.len > ENTITY_LINE_MAX) {
        size_t at = fold_place(line);

        if (at == 0)
            return false;
        buf_add(out, line.data, at);
        buf_addbyte(out, '\n');
        line = view_from(line, at);
    }
    buf_addview(out, line);
    buf_addbyte(out, '\n');
    return true;
}

bool
entity_write(struct buf *out, struct view header, bool drop_encoding)
{
    struct header_field f;
    struct view line;

    while (header_next(&header, &f)) {
        if (drop_encoding && is_encoding(&f))
            continue;
        while (view_line(&f.whole, &line))
            if (!write_line(out, line))
                return false;
    }
    return true;
}
