#include "inject/complete.h"

#include <stdlib.h>
#include <string.h>

#include "base/addrlist.h"
#include "base/date.h"
#include "base/envelope.h"
#include "base/id.h"
#include "base/mem.h"
#include "inject/fields.h"
#include "inject/phrase.h"

struct complete_piece {
    uint32_t start;
    uint32_t len : 31;
    uint32_t made : 1; /* within c->made, not the section */
};

/* What a walk over the section carries along. */
struct walk {
    struct complete *c;
    const struct complete_facts *facts;
    struct rcpts *rcpts;
    struct outcome *o;
    struct fields there;
    bool resent;       /* recipients are those of the Resent- block */
    size_t copied;     /* the section up to here is in the pieces */
    struct buf kept, more;
};

static void
add_piece(struct complete *c, bool made, size_t start, size_t len)
{
    if (len == 0)
        return;
    if (c->count == c->room) {
        c->room = c->room ? c->room * 2 : 16;
        c->pieces = mem_grow(c->pieces, c->room * sizeof *c->pieces);
    }
    c->pieces[c->count++] = (struct complete_piece){
        (uint32_t)start, (uint32_t)len & 0x7fffffff, made};
}

/* The section from where it was copied to at; goes on behind at + drop. */
static void
copy_to(struct walk *w, size_t at, size_t drop)
{
    add_piece(w->c, false, w->copied, at - w->copied);
    w->copied = at + drop;
}

/* Bytes that often are the same as the last ones made. */
static void
add_made(struct complete *c, struct view v)
{
    struct view last = view_from(buf_view(&c->made),
                                 c->made.len > v.len ? c->made.len - v.len : 0);

    if (!view_equal(last, v))
        buf_addview(&c->made, v);
    add_piece(c, true, c->made.len - v.len, v.len);
}

static enum verdict
unreadable(struct walk *w, struct view name, const char *why)
{
    return outcome_set(w->o, NEVER, "5.1.3", "cannot read the addresses in "
                       "%.*s: %s", (int)name.len, name.data, why);
}

/* What the address in the field's body becomes as a sender's, in w->more;
 * false: it stays. */
static bool
rewritten(struct walk *w, unsigned field)
{
    const char *why;

    if (!(field & FIELDS_SENDERS) || w->facts->rewrite->count == 0)
        return false;
    buf_clear(&w->more);
    buf_addview(&w->more, buf_view(&w->kept));
    return qualify_address(&w->facts->names, &w->more, &why) == 0 &&
           rewrite_sender(w->facts->rewrite, &w->more);
}

/* The address in the field's body at offset is completed where it stands. */
static enum verdict
edit(struct walk *w, unsigned field, size_t offset,
     const struct addrlist_item *item)
{
    size_t drop = item->end - item->start;

    if (!rewritten(w, field)) {
        buf_clear(&w->more);
        qualify_edit(&w->facts->names, buf_view(&w->kept), &drop, &w->more);
    }
    if (drop == 0 && w->more.len == 0)
        return DONE;
    if (w->c->count > COMPLETE_PIECES_MAX - 2)
        return outcome_set(w->o, NEVER, "5.3.4", "more than %d addresses "
                           "to complete in the header",
                           COMPLETE_PIECES_MAX / 2);
    copy_to(w, offset + item->end - drop, drop);
    add_made(w->c, buf_view(&w->more));
    return DONE;
}

static enum verdict
take(struct walk *w, struct view name)
{
    const char *why;

    if (qualify_address(&w->facts->names, &w->kept, &why) < 0)
        return unreadable(w, name, why);
    rewrite_rcpt(w->facts->rewrite, &w->kept);
    if (rcpts_add(w->rcpts, buf_view(&w->kept)) < 0)
        return outcome_set(w->o, NEVER, "5.5.3", "more than %d recipients",
                           ENVELOPE_RCPT_MAX);
    return DONE;
}

/* A field of addresses whose body is at offset; field: its bits. */
static enum verdict
walk_addresses(struct walk *w, const struct header_field *f, unsigned field,
               size_t offset, bool edits, bool takes)
{
    size_t count = w->c->count, copied = w->copied;
    struct addrlist_item item;
    struct addrlist l;
    enum verdict v = DONE;
    int r = 0;

    addrlist_open(&l, f->body);
    while (v == DONE && (r = addrlist_next(&l, &item, &w->kept)) == 1) {
        if (item.null)
            continue;
        if (edits)
            v = edit(w, field, offset, &item);
        if (v == DONE && takes)
            v = take(w, f->name);
    }
    if (r >= 0)
        return v;
    if (takes)
        return unreadable(w, f->name, l.why);
    w->c->count = count;
    w->copied = copied;
    return DONE;
}

static enum verdict
walk_section(struct walk *w)
{
    const unsigned removed =
        FIELD_BCC | FIELD_RETURN_PATH | FIELD_CONTENT_LENGTH;
    struct view rest = w->c->section;
    struct fields_block block = {0};
    struct header_field f;
    enum verdict v = DONE;

    while (v == DONE && header_next(&rest, &f)) {
        size_t at = w->c->section.len - rest.len - f.whole.len;
        size_t body = at + view_find(f.whole, ':') + 1;
        unsigned field = field_of(f.name);
        bool newest = fields_newest(&block, field);
        bool takes = w->facts->take_rcpts && field & FIELDS_RCPTS &&
                     (w->resent ? newest : !(field & FIELD_RESENT));
        bool made = w->there.resent ? newest : !(field & FIELD_RESENT);
        bool gone = field & removed || (made && field & w->facts->drop);

        if (gone)
            copy_to(w, at, f.whole.len);
        if (field & FIELDS_ADDRESSES)
            v = walk_addresses(w, &f, field, body, !gone, takes);
    }
    copy_to(w, w->c->section.len, 0);
    return v;
}

/* Whether the last line so far lacks its end. */
static bool
open_line(const struct complete *c)
{
    struct view last;

    if (c->count == 0)
        return false;
    last = complete_piece(c, c->count - 1);
    return last.data[last.len - 1] != '\n';
}

/* Whole fields; the line before them gets an end if it has none. */
static void
add_fields(struct complete *c, struct view fields)
{
    if (fields.len && open_line(c))
        add_made(c, view_of(c->crlf ? "\r\n" : "\n"));
    add_made(c, fields);
}

static void
make_from(struct buf *b, const struct complete_facts *facts)
{
    struct buf name = {0};

    if (facts->comment && phrase_comment(&name, facts->fullname))
        buf_print(b, "%.*s %s", (int)facts->from.len, facts->from.data,
                  name.data);
    else if (!facts->comment && phrase_print(&name, facts->fullname))
        buf_print(b, "%s <%.*s>", name.data, (int)facts->from.len,
                  facts->from.data);
    else
        buf_addview(b, facts->from);
    buf_free(&name);
}

/* The fields that are not among those there already; prefix is "Resent-" for
 * a message that is being resent. */
static void
make_missing(struct walk *w, const char *prefix, unsigned there)
{
    const struct complete_facts *facts = w->facts;
    const char *eol = w->c->crlf ? "\r\n" : "\n";
    struct buf b = {0};
    id_text id;

    if (!(there & FIELD_DATE)) {
        buf_print(&b, "%sDate: ", prefix);
        date_mail(&b, (time_t)(facts->now_ms / 1000));
        buf_addstr(&b, eol);
    }
    if (!(there & FIELD_MESSAGE_ID)) {
        id_print(id_make(facts->now_ms, (uint32_t)facts->chance), id);
        buf_print(&b, "%sMessage-ID: <%s.%016jx@%s>%s", prefix, id,
                  (uintmax_t)facts->chance, facts->idhost, eol);
    }
    if (!(there & FIELD_FROM)) {
        buf_print(&b, "%sFrom: ", prefix);
        make_from(&b, facts);
        buf_addstr(&b, eol);
    }
    if (facts->note_hidden && !(there & (FIELD_TO | FIELD_CC)))
        buf_print(&b, "%sCc: recipient list not shown: ;%s", prefix, eol);
    add_fields(w->c, buf_view(&b));
    buf_free(&b);
}

enum verdict
complete_header(struct complete *c, struct view section,
                const struct complete_facts *facts, struct rcpts *rcpts,
                struct outcome *o)
{
    struct walk w = {.c = c, .facts = facts, .rcpts = rcpts, .o = o};
    size_t lf = view_find(section, '\n');
    enum verdict v;

    if (section.len > HEADER_MAX)
        return outcome_set(o, NEVER, "5.3.4", "the header is larger than %d "
                           "bytes", HEADER_MAX);
    c->section = section;
    c->crlf = lf > 0 && lf < section.len && section.data[lf - 1] == '\r';
    w.there = fields_in(section);
    w.resent = w.there.resent & FIELDS_RCPTS;
    if (w.there.resent)
        make_missing(&w, "Resent-", w.there.resent & ~facts->drop);
    v = walk_section(&w);
    if (!w.there.resent)
        make_missing(&w, "", w.there.plain & ~facts->drop);
    add_fields(c, facts->extra);
    buf_free(&w.kept);
    buf_free(&w.more);
    return v == DONE ? outcome_set(o, DONE, "2.0.0", "complete") : v;
}

bool
complete_needs_from(struct view section)
{
    struct fields there = fields_in(section);

    return !((there.resent ? there.resent : there.plain) & FIELD_FROM);
}

struct view
complete_piece(const struct complete *c, size_t i)
{
    const char *from =
        c->pieces[i].made ? c->made.data : c->section.data;

    return view_make(from + c->pieces[i].start, c->pieces[i].len);
}

void
complete_free(struct complete *c)
{
    buf_free(&c->made);
    free(c->pieces);
    memset(c, 0, sizeof *c);
}
