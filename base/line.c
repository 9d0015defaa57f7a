#include "base/line.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* How many bytes at the start need no escape: from first on, ' ' or '!'. */
static size_t
plain(const char *s, size_t len, char first)
{
    size_t i = 0;

    while (i < len && s[i] >= first && s[i] <= '~' && s[i] != '"' &&
           s[i] != '\\')
        i++;
    return i;
}

static void
add_escaped(struct buf *b, char c)
{
    static const char digits[] = "0123456789abcdef";

    buf_addbyte(b, '\\');
    if (c == '"' || c == '\\') {
        buf_addbyte(b, c);
        return;
    }
    buf_addbyte(b, 'x');
    buf_addbyte(b, digits[(unsigned char)c >> 4]);
    buf_addbyte(b, digits[c & 15]);
}

static void
add_value(struct buf *b, const char *s, size_t len)
{
    size_t n = plain(s, len, '!');

    if (n == len && len) {
        buf_add(b, s, len);
        return;
    }
    buf_addbyte(b, '"');
    for (size_t i = 0; i < len; i += n) {
        n = plain(s + i, len - i, ' ');
        buf_add(b, s + i, n);
        if (n == 0) {
            add_escaped(b, s[i]);
            n = 1;
        }
    }
    buf_addbyte(b, '"');
}

void
line_vprint(struct buf *b, const char *fmt, va_list ap)
{
    for (const char *p = fmt; *p; p++) {
        size_t text = (size_t)(strchrnul(p, '%') - p);

        if (text) {
            buf_add(b, p, text);
            p += text - 1;
            continue;
        }
        p++;
        if (p[0] == '.' && p[1] == '*' && p[2] == 's') {
            int len = va_arg(ap, int);

            add_value(b, va_arg(ap, const char *), (size_t)len);
            p += 2;
        } else if (*p == 's') {
            const char *s = va_arg(ap, const char *);

            add_value(b, s, strlen(s));
        } else if (*p == 'c') {
            buf_addbyte(b, va_arg(ap, int));
        } else if (*p == 'd') {
            buf_print(b, "%d", va_arg(ap, int));
        } else if (*p == 'u') {
            buf_addnumber(b, va_arg(ap, unsigned));
        } else if (p[0] == 'z' && p[1] == 'u') {
            buf_addnumber(b, va_arg(ap, size_t));
            p++;
        } else if (p[0] == 'j' && p[1] == 'u') {
            buf_addnumber(b, va_arg(ap, uintmax_t));
            p++;
        } else if (p[0] == 'l' && p[1] == 'u') {
            buf_addnumber(b, va_arg(ap, unsigned long));
            p++;
        } else if (p[0] == 'l' && p[1] == 'd') {
            buf_print(b, "%ld", va_arg(ap, long));
            p++;
        } else {
            assert(!"a form that line_print knows");
        }
    }
}

void
line_print(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    line_vprint(b, fmt, ap);
    va_end(ap);
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads one value at the start of *v into value (which may be NULL). */
static bool
take_value(struct view *v, struct buf *value)
{
    size_t i = 0;

    if (v->len == 0 || v->data[0] != '"') {
        i = view_find(*v, ' ');
        if (value)
            buf_add(value, v->data, i);
        *v = view_from(*v, i);
        return true;
    }
    for (i = 1; i < v->len && v->data[i] != '"'; i++) {
        int byte = v->data[i];

        if (byte == '\\') {
            if (++i >= v->len)
                return false;
            byte = v->data[i];
            if (byte == 'x') {
                if (i + 2 >= v->len || hex(v->data[i + 1]) < 0 ||
                    hex(v->data[i + 2]) < 0)
                    return false;
                byte = hex(v->data[i + 1]) * 16 + hex(v->data[i + 2]);
                i += 2;
            }
        }
        if (value)
            buf_addbyte(value, byte);
    }
    if (i >= v->len)
        return false;
    *v = view_from(*v, i + 1);
    return true;
}

bool
line_get(struct view line, const char *key, struct buf *value)
{
    struct view v = line;
    size_t keylen = strlen(key), before = value->len;

    while (v.len) {
        size_t end = 0;
        bool found;

        while (end < v.len && v.data[end] != ' ' && v.data[end] != '=')
            end++;
        found = end == keylen && memcmp(v.data, key, end) == 0;
        v = view_from(v, end);
        if (v.len && v.data[0] == '=') {
            v = view_from(v, 1);
            if (!take_value(&v, found ? value : NULL)) {
                value->len = before;
                if (before == 0)
                    buf_free(value);
                return false;
            }
            if (found)
                return true;
        }
        while (v.len && v.data[0] == ' ')
            v = view_from(v, 1);
    }
    return false;
}

bool
line_getnumber(struct view line, const char *key, uint64_t *n)
{
    struct buf value = {0};
    bool ok = line_get(line, key, &value) &&
              view_number(buf_view(&value), UINT64_MAX, n);

    buf_free(&value);
    return ok;
}
