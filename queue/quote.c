#include "queue/quote.h"

#include <string.h>

#include "base/utf8.h"

enum { QP_LINE = 76 }; /* RFC 2045 6.7, rule 5 */

static bool
printable(char c)
{
    return c >= ' ' && c <= '~';
}

/* Takes back what is more than max bytes behind start, whole characters. */
static void
limit(struct buf *b, size_t start, size_t max)
{
    size_t end = start + max - 3;

    if (b->len - start <= max)
        return;
    while (end > start && (b->data[end] & 0xc0) == 0x80)
        end--;
    b->len = end;
    buf_addstr(b, "...");
}

void
quote_ascii(struct buf *b, struct view words, size_t max)
{
    size_t start = b->len;

    for (size_t i = 0; i < words.len && b->len - start <= max; i++)
        buf_addbyte(b, printable(words.data[i]) ? words.data[i] : '?');
    limit(b, start, max);
}

/* The code point of a character of len bytes. */
static uint32_t
code_point(const char *p, size_t len)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t n = (unsigned char)p[0] & masks[len];

    for (size_t i = 1; i < len; i++)
        n = n << 6 | ((unsigned char)p[i] & 0x3f);
    return n;
}

/* C1 controls, line and paragraph ends, and what turns the direction of
 * writing: they show other words than were said. */
static bool
deceptive(uint32_t point)
{
    return point < 0xa0 || (point >= 0x200b && point <= 0x200f) ||
           (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
}

void
quote_utf8(struct buf *b, struct view words, size_t max)
{
    size_t start = b->len, n;

    for (; words.len && b->len - start <= max; words = view_from(words, n)) {
        n = utf8_next(words);
        if (n > 1 && !deceptive(code_point(words.data, n))) {
            buf_add(b, words.data, n);
            continue;
        }
        n = n ? n : 1;
        buf_addbyte(b, n == 1 && printable(words.data[0]) ? words.data[0]
                                                          : '?');
    }
    limit(b, start, max);
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void
quote_xtext(struct buf *b, struct view words, size_t max)
{
    struct buf plain = {0};

    for (size_t i = 0; i < words.len; i++) {
        char c = words.data[i];

        if (c == '+' && i + 2 < words.len &&
            hex_digit(words.data[i + 1]) >= 0 &&
            hex_digit(words.data[i + 2]) >= 0) {
            c = (char)(hex_digit(words.data[i + 1]) * 16 +
                       hex_digit(words.data[i + 2]));
            i += 2;
        }
        buf_addbyte(&plain, c);
    }
    quote_ascii(b, buf_view(&plain), max);
    buf_free(&plain);
}

void
quote_address(struct buf *b, struct view address, size_t max)
{
    size_t start, n;

    if (utf8_ascii(address) || !utf8_valid(address)) {
        buf_addstr(b, "rfc822; ");
        quote_ascii(b, address, max);
        return;
    }
    buf_addstr(b, "utf-8; ");
    start = b->len;
    for (; address.len && b->len - start <= max;
         address = view_from(address, n)) {
        char c = address.data[0];

        /* RFC 6533 3: these stand for themselves but for + = \ */
        n = utf8_next(address);
        if (n == 1 && c > ' ' && c <= '~' && !strchr("+=\\", c))
            buf_addbyte(b, c);
        else
            buf_print(b, "\\x{%02X}", code_point(address.data, n));
    }
    if (address.len)
        buf_addstr(b, "...");
}

/* Whether the line break, LF or CRLF, stands at i. */
static bool
breaks(struct view text, size_t i)
{
    return text.data[i] == '\n' || (text.data[i] == '\r' &&
           i + 1 < text.len && text.data[i + 1] == '\n');
}

void
quote_printable(struct buf *b, struct view text)
{
    size_t column = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool last = i + 1 == text.len || breaks(text, i + 1);
        bool plain = (c > ' ' && c <= '~' && c != '=') ||
                     ((c == ' ' || c == '\t') && !last);

        if (breaks(text, i)) {
            i += c == '\r';
            buf_addbyte(b, '\n');
            column = 0;
            continue;
        }
        if (column + (plain ? 1 : 3) + !last > QP_LINE) {
            buf_addstr(b, "=\n");
            column = 0;
        }
        if (plain)
            buf_addbyte(b, c);
        else
            buf_print(b, "=%02X", c);
        column += plain ? 1 : 3;
    }
}

void
quote_wrap(struct buf *b, const char *indent, struct view words, size_t width)
{
    size_t column = 0;

    for (;;) {
        struct view word;

        words = view_trim(words);
        word = view_make(words.data, view_find(words, ' '));
        if (word.len == 0)
            break;
        words = view_from(words, word.len);
        if (column && column + 1 + word.len > width) {
            buf_addbyte(b, '\n');
            column = 0;
        }
        buf_addstr(b, column ? " " : indent);
        column += column ? 1 : strlen(indent);
        buf_addview(b, word);
        column += word.len;
    }
    if (column)
        buf_addbyte(b, '\n');
}
