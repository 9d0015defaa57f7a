#include "inject/phrase.h"

#include <string.h>

#include "base/addr.h"
#include "base/utf8.h"

static bool
letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

/* Atoms with one blank between. */
static bool
bare(struct view name)
{
    bool blank = true;

    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == ' ' ? blank
                                : !letter(name.data[i]) &&
                                      !strchr("!#$%&'*+-/=?^_`{|}~",
                                              name.data[i]))
            return false;
        blank = name.data[i] == ' ';
    }
    /* What looks like an encoded word would be read as one. */
    return !blank && !memmem(name.data, name.len, "=?", 2);
}

static void
quoted(struct buf *b, struct view name)
{
    buf_addbyte(b, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            buf_addbyte(b, '\\');
        buf_addbyte(b, name.data[i]);
    }
    buf_addbyte(b, '"');
}

/* RFC 2047 5 (3), words of at most 75 bytes, each of whole characters. */
static void
encoded(struct buf *b, struct view name)
{
    enum { WORD = 75 - 12 }; /* without =?utf-8?q? and ?= */
    size_t room = WORD;

    buf_addstr(b, "=?utf-8?q?");
    while (name.len) {
        size_t n = utf8_next(name);
        bool plain = letter(name.data[0]) || name.data[0] == ' ';
        size_t need = plain ? 1 : 3 * n;

        if (need > room) {
            buf_addstr(b, "?= =?utf-8?q?");
            room = WORD;
        }
        room -= need;
        if (plain)
            buf_addbyte(b, name.data[0] == ' ' ? '_' : name.data[0]);
        for (size_t i = 0; i < n && !plain; i++)
            buf_print(b, "=%02X", (unsigned char)name.data[i]);
        name = view_from(name, n);
    }
    buf_addstr(b, "?=");
}

/* What a comment cannot hold as it is. */
static void
commented(struct buf *b, struct view name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (strchr("()\\", name.data[i]))
            buf_addbyte(b, '\\');
        buf_addbyte(b, name.data[i]);
    }
}

bool
phrase_comment(struct buf *b, struct view name)
{
    name = view_trim(name);
    if (name.len == 0 || name.len > PHRASE_MAX || addr_unclean(name))
        return false;
    buf_addbyte(b, '(');
    if (utf8_ascii(name))
        commented(b, name);
    else
        encoded(b, name);
    buf_addbyte(b, ')');
    return true;
}

bool
phrase_print(struct buf *b, struct view name)
{
    name = view_trim(name);
    if (name.len == 0 || name.len > PHRASE_MAX || addr_unclean(name))
        return false;
    if (!utf8_ascii(name))
        encoded(b, name);
    else if (bare(name))
        buf_addview(b, name);
    else
        quoted(b, name);
    return true;
}
