#include "remote/encode.h"

enum {
    QUOTED_COLUMN = 75, /* one less than RFC 2045 6.7 (5): room for '=' */
    BASE64_COLUMN = 76,
    MEND_COLUMN = 900,  /* of lines that were there: leave them if we can */
};

const char *
encode_name(enum encode_kind kind)
{
    return kind == ENCODE_QUOTED || kind == ENCODE_MEND_QUOTED
               ? "quoted-printable"
               : "base64";
}

/* len bytes that stay on one line; a soft line break before them if need
 * be. */
static void
put(struct encode *e, const char *bytes, unsigned len, unsigned limit,
    struct buf *out)
{
    if (e->column + len > limit) {
        buf_addstr(out, "=\n");
        e->column = 0;
    }
    buf_add(out, bytes, len);
    e->column += len;
}

static void
put_escaped(struct encode *e, unsigned char byte, unsigned limit,
            struct buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    char three[] = {'=', hex[byte >> 4], hex[byte & 15]};

    put(e, three, sizeof three, limit, out);
}

static void
quoted(struct encode *e, char byte, struct buf *out)
{
    unsigned char c = (unsigned char)byte;

    if (e->blank)
        put(e, &e->blank, 1, QUOTED_COLUMN, out);
    e->blank = 0;
    if (c == ' ' || c == '\t')
        e->blank = byte;
    else if (c > ' ' && c <= '~' && c != '=')
        put(e, &byte, 1, QUOTED_COLUMN, out);
    else
        put_escaped(e, c, QUOTED_COLUMN, out);
}

static void
flush_blank(struct encode *e, struct buf *out)
{
    if (e->blank)
        put_escaped(e, (unsigned char)e->blank, QUOTED_COLUMN, out);
    e->blank = 0;
}

/* An =XX is never torn. */
static void
mend_quoted(struct encode *e, char byte, struct buf *out)
{
    unsigned char c = (unsigned char)byte;

    if (c != '\t' && (c < ' ' || c > '~')) {
        e->triple = 0;
        put_escaped(e, c, MEND_COLUMN, out);
    } else if (e->triple > 0) {
        e->triple--;
        put(e, &byte, 1, MEND_COLUMN + 3, out);
    } else {
        put(e, &byte, 1, MEND_COLUMN, out);
        e->triple = byte == '=' ? 2 : 0;
    }
}

static bool
in_base64(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
}

/* A byte of base64 itself, on lines of its length. */
static void
put64(struct encode *e, char byte, struct buf *out)
{
    if (e->column == BASE64_COLUMN) {
        buf_addbyte(out, '\n');
        e->column = 0;
    }
    buf_addbyte(out, byte);
    e->column++;
}

static void
group(struct encode *e, struct buf *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;

    for (unsigned i = 0; i < 3; i++)
        bits = bits << 8 | (i < e->rest_len ? e->rest[i] : 0);
    for (unsigned i = 0; i < 4; i++)
        put64(e, i <= e->rest_len ? letters[bits >> (18 - 6 * i) & 63] : '=',
              out);
    e->rest_len = 0;
}

static void
base64(struct encode *e, char byte, struct buf *out)
{
    e->rest[e->rest_len++] = (unsigned char)byte;
    if (e->rest_len == 3)
        group(e, out);
}

void
encode_text(struct encode *e, struct view text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++)
        switch (e->kind) {
        case ENCODE_QUOTED:
            quoted(e, text.data[i], out);
            break;
        case ENCODE_BASE64_TEXT:
        case ENCODE_BASE64_BYTES:
            base64(e, text.data[i], out);
            break;
        case ENCODE_MEND_QUOTED:
            mend_quoted(e, text.data[i], out);
            break;
        case ENCODE_MEND_BASE64:
            /* RFC 2045 6.8: who decodes ignores the others. */
            if (in_base64((unsigned char)text.data[i]))
                put64(e, text.data[i], out);
            break;
        }
}

void
encode_eol(struct encode *e, struct view eol, struct buf *out)
{
    switch (e->kind) {
    case ENCODE_BASE64_TEXT:
        encode_text(e, view_of("\r\n"), out);
        return;
    case ENCODE_BASE64_BYTES:
        encode_text(e, eol, out);
        return;
    default:
        flush_blank(e, out);
        buf_addbyte(out, '\n');
        e->column = e->triple = 0;
    }
}

void
encode_end(struct encode *e, struct view eol, struct buf *out)
{
    if (e->kind == ENCODE_BASE64_TEXT || e->kind == ENCODE_BASE64_BYTES) {
        if (e->rest_len > 0)
            group(e, out);
        if (e->column > 0)
            buf_addbyte(out, '\n');
    } else {
        flush_blank(e, out);
        if (eol.len > 0)
            buf_addbyte(out, '\n');
    }
    e->column = e->triple = 0;
}
