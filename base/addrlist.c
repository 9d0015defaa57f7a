#include "base/addrlist.h"

#include <errno.h>
#include <string.h>

#include "base/addr.h"

enum kind {
    END, WORD, QUOTED, LITERAL, BAD,
    DOT = '.', AT = '@', COMMA = ',', COLON = ':', SEMI = ';', OPEN = '<',
    CLOSE = '>',
};

struct token {
    enum kind kind;
    size_t start, end;
};

/* A reader of tokens; strict ones know no blanks and comments. */
struct reader {
    struct view in;
    size_t at;
    bool strict;
    const char *why;
    struct token seen; /* read at from already; END: none, for END is cheap */
    size_t from;
};

static bool
fault(struct reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

/* The length of a line break where the field is folded (RFC 5322 2.2.3). */
static size_t
fold(struct view in, size_t at)
{
    size_t lf = at + (in.data[at] == '\r');

    return lf + 1 < in.len && in.data[lf] == '\n' &&
                   (in.data[lf + 1] == ' ' || in.data[lf + 1] == '\t')
               ? lf + 1 - at : 0;
}

static bool
skip_comment(struct reader *r)
{
    size_t depth = 0;

    for (; r->at < r->in.len; r->at++) {
        char c = r->in.data[r->at];

        if (c == '\\' && r->at + 1 < r->in.len)
            r->at++;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0) {
            r->at++;
            return true;
        }
    }
    return fault(r, "comment without its end");
}

static bool
skip_blanks(struct reader *r)
{
    while (!r->strict && r->at < r->in.len) {
        char c = r->in.data[r->at];

        if (c == ' ' || c == '\t')
            r->at++;
        else if (fold(r->in, r->at))
            r->at += fold(r->in, r->at);
        else if (c != '(')
            break;
        else if (!skip_comment(r))
            return false;
    }
    return true;
}

static bool
skip_quoted(struct reader *r)
{
    for (r->at++; r->at < r->in.len; r->at++) {
        if (r->strict && r->in.data[r->at] == '\n')
            return fault(r, "a line break");
        if (r->in.data[r->at] == '\\')
            r->at++;
        else if (r->in.data[r->at] == '"') {
            r->at++;
            return true;
        }
    }
    return fault(r, "quote without its end");
}

/* The next token; BAD keeps the fault in r->why. */
static struct token
scan(struct reader *r)
{
    struct token t = {END, 0, 0};
    bool good = skip_blanks(r);
    size_t word;
    char c;

    t.start = t.end = r->at;
    if (good && r->at >= r->in.len)
        return t;
    c = good ? r->in.data[r->at] : 0;
    t.kind = BAD;
    if (!good) {
        /* the fault is kept */
    } else if (c == '"') {
        if (skip_quoted(r))
            t.kind = QUOTED;
    } else if (c == '[') {
        r->at += view_find(view_from(r->in, r->at), ']');
        if (r->at++ < r->in.len)
            t.kind = LITERAL;
        else
            fault(r, "'[' without ']'");
    } else if ((word = addr_atext(view_from(r->in, r->at))) > 0) {
        t.kind = WORD;
        r->at += word;
    } else if (strchr(".@,:;<>", c) && c) {
        t.kind = (enum kind)c;
        r->at++;
    } else {
        fault(r, "a character that cannot stand in an address");
    }
    t.end = r->at;
    return t;
}

/* Most tokens are looked at before they are taken, some three times.  A BAD
 * one is read again each time, for the sake of its fault. */
static struct token
take(struct reader *r)
{
    size_t from = r->at;
    struct token t;

    if (r->seen.kind != END && r->from == from) {
        r->at = r->seen.end;
        return r->seen;
    }
    t = scan(r);
    r->from = from;
    r->seen = t;
    if (t.kind == BAD)
        r->seen.kind = END;
    return t;
}

static struct token
peek(struct reader *r)
{
    size_t at = r->at;
    struct token t = take(r);

    r->at = at;
    return t;
}

/* The meaning of a quoted string: no quotes, no backslashes, folds undone
 * (RFC 5322 3.2.4). */
static void
add_quoted(struct buf *b, struct view v)
{
    for (size_t i = 1; i + 1 < v.len; i++) {
        size_t n = fold(v, i);

        if (n)
            i += n - 1;
        else
            buf_addbyte(b, v.data[v.data[i] == '\\' ? ++i : i]);
    }
}

static void
add_word(struct reader *r, struct buf *b, struct token t)
{
    struct view v = view_make(r->in.data + t.start, t.end - t.start);

    if (t.kind == QUOTED)
        add_quoted(b, v);
    else
        buf_addview(b, v);
}

/* Words and dots: the name a local part means.  Only a dot may join two
 * words; where none does, the caller looks for a display name. */
static bool
take_local(struct reader *r, struct buf *name, size_t *end)
{
    struct token t = peek(r);
    bool word = false, any = false;

    for (; t.kind == WORD || t.kind == QUOTED || t.kind == DOT; t = peek(r)) {
        if (word && t.kind != DOT)
            return fault(r, "two words where an address should be");
        word = t.kind != DOT;
        take(r);
        add_word(r, name, t);
        *end = t.end;
        any = true;
    }
    return any || fault(r, t.kind == BAD ? "not readable"
                                         : "no address where one should be");
}

/* Behind the '@'. */
static bool
take_domain(struct reader *r, struct buf *domain, size_t *end)
{
    struct token t = take(r);

    if (t.kind == LITERAL) {
        *end = t.end;
        add_word(r, domain, t);
        return true;
    }
    while (t.kind == WORD) {
        add_word(r, domain, t);
        *end = t.end;
        if (peek(r).kind != DOT)
            return true;
        t = take(r);
        /* One dot behind the last label is dropped, outside of SMTP. */
        if (peek(r).kind != WORD && !r->strict)
            return true;
        add_word(r, domain, t);
        t = take(r);
    }
    return fault(r, "no domain behind '@'");
}

/* local-part ["@" domain], its kept form appended. */
static bool
take_spec(struct reader *r, struct addrlist_item *item, struct buf *kept)
{
    struct buf name = {0};
    size_t before = kept->len;
    bool good;

    item->start = peek(r).start;
    item->qualified = false;
    good = take_local(r, &name, &item->end);
    if (good && name.len == 0 && peek(r).kind != AT)
        good = fault(r, "an empty local part");
    if (good)
        addr_quote(kept, buf_view(&name));
    buf_free(&name);
    if (good && peek(r).kind == AT) {
        take(r);
        buf_addbyte(kept, '@');
        item->qualified = true;
        good = take_domain(r, kept, &item->end);
    }
    if (good && addr_unclean(view_from(buf_view(kept), before)))
        good = fault(r, "a control character, or not UTF-8");
    return good;
}

/* [ "@" domain *("," "@" domain) ":" ], RFC 5321 4.1.2 A-d-l. */
static bool
take_route(struct reader *r)
{
    struct buf ignored = {0};
    bool good = true;
    size_t end;

    while (good && (peek(r).kind == AT ||
                    (!r->strict && peek(r).kind == COMMA))) {
        if (take(r).kind == COMMA)
            continue;
        good = take_domain(r, &ignored, &end);
        if (r->strict && peek(r).kind == COMMA) {
            take(r);
            good = good && (peek(r).kind == AT || fault(r, "a bad route"));
        }
    }
    if (good && ignored.len && take(r).kind != COLON)
        good = fault(r, "a route without ':'");
    buf_free(&ignored);
    return good;
}

/* "<" [route] [spec] ">" */
static bool
take_angle(struct reader *r, struct addrlist_item *item, struct buf *kept)
{
    if (take(r).kind != OPEN)
        return fault(r, "no '<'");
    if (peek(r).kind == CLOSE) {
        item->null = true;
        item->start = item->end = r->at;
        take(r);
        return true;
    }
    return take_route(r) && take_spec(r, item, kept) &&
           (take(r).kind == CLOSE || fault(r, "'<' without '>'"));
}

static bool
ends_item(enum kind k)
{
    return k == COMMA || k == SEMI || k == END;
}

/* A display name: whatever stands before '<', for many write an address or
 * dots there without quotes. */
static bool
take_phrase(struct reader *r, struct addrlist_item *item)
{
    struct token t = peek(r);
    size_t start = t.start, end = t.start;

    for (; t.kind == WORD || t.kind == QUOTED || t.kind == DOT ||
           t.kind == AT || t.kind == LITERAL; t = peek(r)) {
        take(r);
        end = t.end;
    }
    if (t.kind != OPEN)
        return false;
    item->phrase = view_make(r->in.data + start, end - start);
    r->why = NULL;
    return true;
}

static bool
take_mailbox(struct reader *r, struct addrlist_item *item, struct buf *kept)
{
    size_t at = r->at;

    if (peek(r).kind != OPEN) {
        if (take_spec(r, item, kept)) {
            if (ends_item(peek(r).kind))
                return true;
            fault(r, "two words where an address should be");
        }
        r->at = at;
        if (!take_phrase(r, item))
            return false;
        buf_clear(kept);
    }
    return take_angle(r, item, kept) &&
           (ends_item(peek(r).kind) ||
            fault(r, "something behind the address"));
}

/* A phrase and ':' begin a group (RFC 5322 3.4). */
static bool
take_group_name(struct reader *r)
{
    size_t at = r->at;
    struct token t = take(r);
    bool any = false;

    for (; t.kind == WORD || t.kind == QUOTED || t.kind == DOT; t = take(r))
        any = true;
    if (any && t.kind == COLON)
        return true;
    r->at = at;
    r->why = NULL;
    return false;
}

void
addrlist_open(struct addrlist *l, struct view list)
{
    memset(l, 0, sizeof *l);
    l->in = list;
}

int
addrlist_next(struct addrlist *l, struct addrlist_item *item, struct buf *kept)
{
    struct reader r = {.in = l->in, .at = l->at};
    struct buf ignored = {0};
    bool good;

    memset(item, 0, sizeof *item);
    for (;;) {
        enum kind k = peek(&r).kind;

        if (k == END)
            return 0;
        if (k == SEMI)
            l->group = false;
        if (k == COMMA || k == SEMI)
            take(&r);
        else if (!l->group && take_group_name(&r))
            l->group = true;
        else
            break;
    }
    if (kept)
        buf_clear(kept);
    item->group = l->group;
    good = take_mailbox(&r, item, kept ? kept : &ignored);
    buf_free(&ignored);
    l->at = r.at;
    l->why = good ? NULL : r.why ? r.why : "not readable";
    return good ? 1 : -EINVAL;
}

int
addrlist_path(struct view *v, struct buf *kept, const char **why)
{
    struct reader r = {.in = *v, .strict = true};
    struct addrlist_item item;
    struct buf out = {0};
    bool good;

    memset(&item, 0, sizeof item);
    good = take_angle(&r, &item, &out);
    if (good) {
        buf_addview(kept, buf_view(&out));
        *v = view_from(*v, r.at);
    }
    *why = r.why ? r.why : "not readable";
    buf_free(&out);
    return good ? 0 : -EINVAL;
}
