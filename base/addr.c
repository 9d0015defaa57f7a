#include "base/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/utf8.h"

/* ASCII's, and U+0080 to U+009F. */
static bool
control(struct view v)
{
    unsigned char c = (unsigned char)v.data[0];

    return c < ' ' || c == 127 ||
           (c == 0xc2 && v.len > 1 && (unsigned char)v.data[1] < 0xa0);
}

size_t
addr_atext(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        switch (v.data[i]) {
        case '(': case ')': case '<': case '>': case '[': case ']': case ':':
        case ';': case '@': case '\\': case ',': case '.': case '"': case 127:
            return i;
        default:
            if ((unsigned char)v.data[i] <= ' ')
                return i;
        }
    return v.len;
}

static bool
literal(struct view v)
{
    char text[64], address[16];
    bool six;

    if (v.len < 3 || v.len > sizeof text || v.data[v.len - 1] != ']')
        return false;
    v = view_make(v.data + 1, v.len - 2);
    six = v.len > 5 && view_equalcase(view_make(v.data, 5), view_of("IPv6:"));
    if (six)
        v = view_from(v, 5);
    memcpy(text, v.data, v.len);
    text[v.len] = 0;
    return inet_pton(six ? AF_INET6 : AF_INET, text, address) == 1;
}

static bool
label(struct view v)
{
    if (v.len == 0 || v.len > ADDR_LABEL_MAX || v.data[0] == '-' ||
        v.data[v.len - 1] == '-')
        return false;
    for (size_t i = 0; i < v.len; i++) {
        char c = v.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '-' && c != '_' &&
            (unsigned char)c < 128)
            return false;
    }
    return !addr_unclean(v);
}

bool
addr_domain(struct view domain, const char **why)
{
    *why = "domain too long";
    if (domain.len > ADDR_DOMAIN_MAX)
        return false;
    *why = "not an address within '[]'";
    if (domain.len && domain.data[0] == '[')
        return literal(domain);
    *why = "not a domain name";
    for (;;) {
        size_t dot = view_find(domain, '.');

        if (!label(view_make(domain.data, dot)))
            return false;
        if (dot == domain.len)
            return true;
        domain = view_from(domain, dot + 1);
    }
}

void
addr_split(struct view kept, struct view *local, struct view *domain)
{
    size_t at = 0;

    /* The first '@' outside of quotes: a literal may hold others. */
    if (kept.len && kept.data[0] == '"')
        for (at = 1; at < kept.len && kept.data[at] != '"'; at++)
            at += kept.data[at] == '\\';
    at = at < kept.len ? at : kept.len;
    at += view_find(view_from(kept, at), '@');
    *local = view_make(kept.data, at);
    *domain = view_from(kept, at + 1);
}

void
addr_unquote(struct buf *b, struct view local)
{
    if (local.len < 2 || local.data[0] != '"') {
        buf_addview(b, local);
        return;
    }
    for (size_t i = 1; i + 1 < local.len; i++) {
        if (local.data[i] == '\\' && i + 2 < local.len)
            i++;
        buf_addbyte(b, local.data[i]);
    }
}

/* RFC 5321 4.1.2 Dot-string */
static bool
dot_string(struct view v)
{
    struct view rest = v;
    size_t atom;

    while ((atom = addr_atext(rest)) > 0 && atom < rest.len &&
           rest.data[atom] == '.')
        rest = view_from(rest, atom + 1);
    return atom > 0 && atom == rest.len && !addr_unclean(v);
}

void
addr_quote(struct buf *b, struct view name)
{
    if (dot_string(name)) {
        buf_addview(b, name);
        return;
    }
    buf_addbyte(b, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            buf_addbyte(b, '\\');
        buf_addbyte(b, name.data[i]);
    }
    buf_addbyte(b, '"');
}

bool
addr_unclean(struct view v)
{
    while (v.len) {
        size_t n = *v.data >= ' ' && *v.data < 127 ? 1 : utf8_next(v);

        if (n == 0 || control(v))
            return true;
        v.data += n;
        v.len -= n;
    }
    return false;
}
