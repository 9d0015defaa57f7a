#include "remote/convert.h"

#include <string.h>

#include "base/header.h"
#include "base/job.h"
#include "base/utf8.h"

/* What comes behind a line, for what has to look ahead. */
struct ahead {
    struct view bytes;
    bool all; /* to the end of the message */
};

void
convert_init(struct convert *c, uint32_t flags, bool eight_fits)
{
    memset(c, 0, sizeof *c);
    c->nul = flags & JOB_NUL;
    c->eight = flags & (JOB_8BIT_BODY | JOB_8BIT_HEADER);
    c->eight_fits = eight_fits;
    c->top = true;
}

void
convert_free(struct convert *c)
{
    buf_free(&c->line);
    buf_free(&c->header);
}

/* Bytes that must not stand where nothing can encode them. */
static void
check_bytes(struct convert *c, struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == 0)
            c->refused = "a NUL byte where none can be encoded";
        else if (text.data[i] == '\r')
            c->refused = "a CR that ends no line where none can be encoded";
        else if ((unsigned char)text.data[i] > 127 && !c->eight_fits)
            c->refused = "8-bit bytes that cannot be encoded, and the server "
                         "does not offer 8BITMIME";
}

static void
pass(struct convert *c, struct view text, const char *eol, struct buf *out)
{
    check_bytes(c, text);
    if (c->length > ENTITY_LINE_MAX)
        c->refused = "a line of more than 998 bytes that cannot be encoded";
    buf_addview(out, text);
    buf_addstr(out, eol);
}

static void
write_header(struct convert *c, bool drop_encoding, struct buf *out)
{
    if (!entity_write(out, buf_view(&c->header), drop_encoding))
        c->refused = "a header line of more than 998 bytes without a blank";
    buf_clear(&c->header);
}

/* Base64 is shorter where one byte in five would become three. */
static bool
mostly_binary(struct view sample)
{
    size_t odd = 0;

    for (size_t i = 0; i < sample.len; i++) {
        unsigned char b = (unsigned char)sample.data[i];

        odd += b > '~' || (b < ' ' && b != '\n' && b != '\r' && b != '\t');
    }
    return odd > sample.len / 5;
}

static enum encode_kind
choose(const struct convert *c, const struct entity *e, struct view sample)
{
    if (e->encoding == ENTITY_QUOTED)
        return ENCODE_MEND_QUOTED;
    if (e->encoding == ENTITY_BASE64)
        return ENCODE_MEND_BASE64;
    if (e->kind == ENTITY_BYTES)
        return ENCODE_BASE64_BYTES;
    return c->nul || mostly_binary(sample) ? ENCODE_BASE64_TEXT
                                           : ENCODE_QUOTED;
}

/* RFC 1428 3: unknown-8bit is what nobody has named. */
static void
add_type(const struct convert *c, const struct ahead *ahead, struct buf *out)
{
    bool utf8 = ahead->all && utf8_valid(ahead->bytes);
    const char *charset = !c->eight ? "us-ascii"
                          : utf8    ? "utf-8"
                                    : "unknown-8bit";

    buf_print(out, "Content-Type: text/plain; charset=%s\n", charset);
}

static void
begin_body(struct convert *c, const struct entity *e,
           const struct ahead *ahead, struct buf *out)
{
    enum encode_kind kind = choose(c, e, ahead->bytes);
    bool fresh = e->encoding == ENTITY_7BIT || e->encoding == ENTITY_8BIT;

    write_header(c, fresh, out);
    if (c->top && !e->versioned)
        buf_addstr(out, "MIME-Version: 1.0\n");
    if (c->top && !e->typed && fresh)
        add_type(c, ahead, out);
    if (fresh)
        buf_print(out, "Content-Transfer-Encoding: %s\n", encode_name(kind));
    c->encode = (struct encode){.kind = kind};
    c->eol = "";
    c->state = CONVERT_BODY;
}

/* Parts that hold parts: they have no encoding of their own, and without
 * 8BITMIME nothing in them is 8-bit any more. */
static void
begin_parts(struct convert *c, const struct entity *e, struct buf *out)
{
    struct convert_level *level = &c->levels[c->depth];

    write_header(c, !c->eight_fits, out);
    if (c->top && !e->versioned)
        buf_addstr(out, "MIME-Version: 1.0\n");
    c->top = c->in_digest = false;
    if (e->kind == ENTITY_MESSAGE) {
        c->top = true;
        c->state = CONVERT_HEADER;
        return;
    }
    memcpy(level->boundary, e->boundary, sizeof e->boundary);
    level->digest = e->digest;
    c->depth++;
    c->state = CONVERT_PASS;
}

static void
end_header(struct convert *c, const struct ahead *ahead, struct buf *out)
{
    bool plain, holds;
    struct entity e;

    entity_read(&e, buf_view(&c->header), c->in_digest);
    plain = e.encoding == ENTITY_7BIT || e.encoding == ENTITY_8BIT;
    holds = e.kind == ENTITY_MULTIPART || e.kind == ENTITY_MESSAGE;
    if (holds && plain && c->depth < CONVERT_DEPTH_MAX) {
        begin_parts(c, &e, out);
    } else if (holds || e.kind == ENTITY_OPAQUE ||
               e.encoding == ENTITY_OTHER) {
        write_header(c, false, out);
        c->state = CONVERT_PASS;
    } else {
        begin_body(c, &e, ahead, out);
    }
    buf_addbyte(out, '\n');
}

static void take_line(struct convert *c, struct view text, const char *eol,
                      const struct ahead *ahead, struct buf *out);

static bool
is_field(struct view line)
{
    struct header_field f;

    return header_next(&line, &f);
}

static void
header_line(struct convert *c, struct view text, const char *eol,
            const struct ahead *ahead, struct buf *out)
{
    bool first = c->length == text.len;
    bool folded = c->header.len > 0 && text.len > 0 &&
                  (*text.data == ' ' || *text.data == '\t');

    if (first && text.len == 0) {
        end_header(c, ahead, out);
        return;
    }
    if (first && !folded && !is_field(text)) {
        /* A body without the empty line that it should have before it. */
        end_header(c, &(struct ahead){.bytes = ahead->bytes}, out);
        take_line(c, text, eol, ahead, out);
        return;
    }
    check_bytes(c, text);
    buf_addview(&c->header, text);
    if (*eol)
        buf_addbyte(&c->header, '\n');
    if (c->header.len > CONVERT_HEADER_MAX)
        c->refused = "a header that is too large";
}

static void
body_line(struct convert *c, struct view text, const char *eol,
          struct buf *out)
{
    if (*c->eol)
        encode_eol(&c->encode, view_of(c->eol), out);
    encode_text(&c->encode, text, out);
    c->eol = eol;
}

static void
take_line(struct convert *c, struct view text, const char *eol,
          const struct ahead *ahead, struct buf *out)
{
    switch (c->state) {
    case CONVERT_HEADER:
        header_line(c, text, eol, ahead, out);
        break;
    case CONVERT_PASS:
        pass(c, text, eol, out);
        break;
    case CONVERT_BODY:
        body_line(c, text, eol, out);
        break;
    }
}

/* Whether line is a boundary (RFC 2046 5.1.1) of level; *closing: the last
 * one. */
static bool
is_boundary(struct view line, const struct convert_level *level,
            bool *closing)
{
    size_t len = strlen(level->boundary);
    struct view rest;

    if (line.len < len + 2 || memcmp(line.data, "--", 2) != 0 ||
        memcmp(line.data + 2, level->boundary, len) != 0)
        return false;
    rest = view_from(line, len + 2);
    *closing = rest.len >= 2 && memcmp(rest.data, "--", 2) == 0;
    return view_trim(view_from(rest, *closing ? 2 : 0)).len == 0;
}

/* A boundary of any level ends all within it. */
static bool
take_boundary(struct convert *c, struct view line, const char *eol,
              struct buf *out)
{
    unsigned level = c->depth;
    bool closing;

    while (level > 0 && !is_boundary(line, &c->levels[level - 1], &closing))
        level--;
    if (level == 0)
        return false;
    if (c->state == CONVERT_BODY)
        encode_end(&c->encode, view_of(c->eol), out);
    else if (c->state == CONVERT_HEADER)
        write_header(c, false, out);
    pass(c, line, eol, out);
    c->top = false;
    c->depth = closing ? level - 1 : level;
    c->in_digest = c->levels[level - 1].digest;
    c->state = closing ? CONVERT_PASS : CONVERT_HEADER;
    return true;
}

/* Text of a line; eol is "" if more of it may come. */
static void
take_text(struct convert *c, struct view text, const char *eol,
          const struct ahead *ahead, struct buf *out)
{
    bool whole = !c->inside && (*eol || ahead->bytes.len == 0);

    c->length = c->inside ? c->length + text.len : text.len;
    c->inside = !*eol;
    if (!whole || !take_boundary(c, text, eol, out))
        take_line(c, text, eol, ahead, out);
}

static void
end(struct convert *c, struct buf *out)
{
    const struct ahead none = {.all = true};

    if (c->line.len > 0)
        take_text(c, buf_view(&c->line), "", &none, out);
    if (c->state == CONVERT_HEADER) {
        write_header(c, false, out);
    } else if (c->state == CONVERT_BODY) {
        if (*c->eol)
            encode_eol(&c->encode, view_of(c->eol), out);
        encode_end(&c->encode, view_of(""), out);
    }
}

bool
convert_add(struct convert *c, struct view piece, bool last, struct buf *out)
{
    struct view v;

    buf_addview(&c->line, piece);
    v = buf_view(&c->line);
    while (v.len && !c->refused) {
        size_t len = view_find(v, '\n'), next = len + 1;
        const char *eol = "\n";

        if (len == v.len) {
            if (len <= CONVERT_FRAGMENT)
                break;
            next = len = len - (v.data[len - 1] == '\r');
            eol = "";
        } else if (len > 0 && v.data[len - 1] == '\r') {
            len--;
            eol = "\r\n";
        }
        take_text(c, view_make(v.data, len), eol,
                  &(struct ahead){view_from(v, next), last}, out);
        v = view_from(v, next);
    }
    buf_consume(&c->line, c->line.len - v.len);
    if (last && !c->refused)
        end(c, out);
    return !c->refused;
}
