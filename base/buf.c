#include "base/buf.h"

#include <assert.h>
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
buf_reserve(struct buf *b, size_t more)
{
    size_t need = b->len + more + 1;
    size_t cap = b->cap ? b->cap : 64;

    assert(need > b->len);
    if (need <= b->cap)
        return;
    while (cap < need)
        cap *= 2;
    b->data = mem_grow(b->data, cap);
    b->cap = cap;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
    buf_reserve(b, len);
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = 0;
}

void
buf_addview(struct buf *b, struct view v)
{
    buf_add(b, v.data, v.len);
}

void
buf_addstr(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void
buf_addbyte(struct buf *b, int byte)
{
    buf_reserve(b, 1);
    b->data[b->len++] = (char)byte;
    b->data[b->len] = 0;
}

void
buf_addu16(struct buf *b, uint16_t n)
{
    n = htole16(n);
    buf_add(b, &n, sizeof n);
}

void
buf_addu32(struct buf *b, uint32_t n)
{
    n = htole32(n);
    buf_add(b, &n, sizeof n);
}

void
buf_addu64(struct buf *b, uint64_t n)
{
    n = htole64(n);
    buf_add(b, &n, sizeof n);
}

void
buf_print(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    size_t room;
    int n;

    /* Mostly it fits, and is formatted but once. */
    buf_reserve(b, 31);
    room = b->cap - b->len;
    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(b->data + b->len, room, fmt, ap);
    assert(n >= 0);
    if ((size_t)n >= room) {
        buf_reserve(b, (size_t)n);
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    va_end(ap);
    b->len += (size_t)n;
}

/* Decimal, which the log and the ledger are full of. */
void
buf_addnumber(struct buf *b, uint64_t n)
{
    char digits[20], *p = digits + sizeof digits;

    do
        *--p = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

void
buf_consume(struct buf *b, size_t len)
{
    if (len > b->len)
        len = b->len;
    if (len == 0)
        return;
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
    b->data[b->len] = 0;
}

void
buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = 0;
}

void
buf_free(struct buf *b)
{
    free(b->data);
    memset(b, 0, sizeof *b);
}

struct view
buf_view(const struct buf *b)
{
    return view_make(b->data, b->len);
}

struct view
view_make(const void *data, size_t len)
{
    struct view v = {data ? data : "", len};

    return v;
}

struct view
view_of(const char *s)
{
    return view_make(s, s ? strlen(s) : 0);
}

bool
view_equal(struct view a, struct view b)
{
    return a.len == b.len &&
           (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static int
lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool
view_equalcase(struct view a, struct view b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower((unsigned char)a.data[i]) != lower((unsigned char)b.data[i]))
            return false;
    return true;
}

bool
view_is(struct view a, const char *s)
{
    return view_equal(a, view_of(s));
}

struct view
view_from(struct view v, size_t start)
{
    if (start > v.len)
        start = v.len;
    /* Nothing may be added to NULL, not even nothing. */
    return start ? view_make(v.data + start, v.len - start) : v;
}

size_t
view_find(struct view v, int byte)
{
    const char *p = v.len ? memchr(v.data, byte, v.len) : NULL;

    return p ? (size_t)(p - v.data) : v.len;
}

size_t
view_findlast(struct view v, int byte)
{
    const char *p = v.len ? memrchr(v.data, byte, v.len) : NULL;

    return p ? (size_t)(p - v.data) : v.len;
}

static bool
blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct view
view_trim(struct view v)
{
    while (v.len && blank(v.data[0]))
        v = view_from(v, 1);
    while (v.len && blank(v.data[v.len - 1]))
        v.len--;
    return v;
}

bool
view_line(struct view *v, struct view *line)
{
    size_t end = view_find(*v, '\n');

    if (v->len == 0)
        return false;
    *line = view_make(v->data, end);
    *v = view_from(*v, end + 1);
    return true;
}

bool
view_number(struct view v, uint64_t max, uint64_t *n)
{
    uint64_t sum = 0;

    if (v.len == 0)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        unsigned digit = (unsigned)(v.data[i] - '0');

        if (digit > 9 || sum > (max - digit) / 10 || digit > max)
            return false;
        sum = sum * 10 + digit;
    }
    *n = sum;
    return true;
}

uint16_t
get_u16(const void *p)
{
    uint16_t n;

    memcpy(&n, p, sizeof n);
    return le16toh(n);
}

uint32_t
get_u32(const void *p)
{
    uint32_t n;

    memcpy(&n, p, sizeof n);
    return le32toh(n);
}

uint64_t
get_u64(const void *p)
{
    uint64_t n;

    memcpy(&n, p, sizeof n);
    return le64toh(n);
}

void
put_u32(void *p, uint32_t n)
{
    n = htole32(n);
    memcpy(p, &n, sizeof n);
}

void
put_u64(void *p, uint64_t n)
{
    n = htole64(n);
    memcpy(p, &n, sizeof n);
}
