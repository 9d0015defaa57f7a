#include "base/utf8.h"

/* RFC 3629 4: the first byte decides how many follow, and between what
 * bounds the second lies. */
static const struct {
    unsigned char first, last;
    unsigned char low, high;
    unsigned char len;
} rows[] = {
    {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t
utf8_next(struct view v)
{
    const unsigned char *p = (const unsigned char *)v.data;

    for (size_t i = 0; v.len && i < sizeof rows / sizeof *rows; i++) {
        if (p[0] < rows[i].first || p[0] > rows[i].last)
            continue;
        if (rows[i].len > v.len)
            return 0;
        if (rows[i].len > 1 && (p[1] < rows[i].low || p[1] > rows[i].high))
            return 0;
        for (size_t k = 2; k < rows[i].len; k++)
            if (p[k] < 0x80 || p[k] > 0xbf)
                return 0;
        return rows[i].len;
    }
    return 0;
}

bool
utf8_valid(struct view v)
{
    while (v.len) {
        size_t n = utf8_next(v);

        if (n == 0)
            return false;
        v = view_from(v, n);
    }
    return true;
}

bool
utf8_ascii(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.data[i] > 127)
            return false;
    return true;
}
