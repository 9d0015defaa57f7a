#include "queue/json.h"

#include <stdint.h>

#include "base/utf8.h"

void
json_item(struct buf *b)
{
    char last = b->len ? b->data[b->len - 1] : '{';

    if (last != '{' && last != '[' && last != ':' && last != '\n')
        buf_addbyte(b, ',');
}

void
json_key(struct buf *b, const char *key)
{
    json_item(b);
    json_text(b, view_of(key));
    buf_addbyte(b, ':');
}

static void
add_char(struct buf *b, struct view c)
{
    unsigned char first = (unsigned char)c.data[0];

    if (first == '"' || first == '\\')
        buf_print(b, "\\%c", first);
    else if (first < ' ' || first == 127)
        buf_print(b, "\\u%04x", first);
    else
        buf_addview(b, c);
}

void
json_text(struct buf *b, struct view v)
{
    buf_addbyte(b, '"');
    while (v.len) {
        size_t len = utf8_next(v);

        if (len)
            add_char(b, view_make(v.data, len));
        else
            buf_addstr(b, "\\ufffd");
        v = view_from(v, len ? len : 1);
    }
    buf_addbyte(b, '"');
}

void
json_number(struct buf *b, uint64_t n)
{
    buf_print(b, "%ju", (uintmax_t)n);
}

void
json_bool(struct buf *b, bool yes)
{
    buf_addstr(b, yes ? "true" : "false");
}

void
json_addtext(struct buf *b, const char *key, struct view v)
{
    json_key(b, key);
    json_text(b, v);
}

void
json_addnumber(struct buf *b, const char *key, uint64_t n)
{
    json_key(b, key);
    json_number(b, n);
}

void
json_addbool(struct buf *b, const char *key, bool yes)
{
    json_key(b, key);
    json_bool(b, yes);
}
