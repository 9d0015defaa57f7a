#include "base/facts.h"

#include <string.h>

#include "base/job.h"

enum { LINE_MAX_SMTP = 998 }; /* without CRLF */

static const uint64_t HIGH_BITS = 0x8080808080808080;

static void
end_line(struct facts *f)
{
    size_t bytes = f->column - (f->cr ? 1 : 0);

    if (bytes > LINE_MAX_SMTP)
        f->seen |= JOB_LONG_LINE;
    if (bytes == 0)
        f->body = true;
    f->column = 0;
    f->cr = false;
}

/* Bytes seen eight at a time: of each a high bit is left set if one was above
 * 127, 0, or a CR. */
struct bytes {
    uint64_t high, nul, cr;
};

/* Sets the high bit of a byte that is 0; without a 0 of none. */
static uint64_t
zeros(uint64_t w)
{
    return (w - 0x0101010101010101) & ~w;
}

static void
see(struct bytes *b, uint64_t w)
{
    b->high |= w;
    b->nul |= zeros(w);
    b->cr |= zeros(w ^ 0x0d0d0d0d0d0d0d0d);
}

/* Every byte accepted comes by here.  Where in the line it stands doesn't
 * matter, but for a CR at its end.  part has no LF. */
static void
add_part(struct facts *f, struct view part)
{
    uint64_t w, last = 0x0101010101010101;
    struct bytes b = {0, 0, 0};
    const char *p = part.data, *end = p + part.len;

    if (p == end)
        return;
    if (f->cr)
        f->seen |= JOB_BARE_CR;
    f->column += part.len;
    f->cr = end[-1] == '\r';
    end -= f->cr;
    for (; end - p >= (ptrdiff_t)sizeof w; p += sizeof w) {
        memcpy(&w, p, sizeof w);
        see(&b, w);
    }
    memcpy(&last, p, (size_t)(end - p));
    see(&b, last);
    if (b.high & HIGH_BITS)
        f->seen |= f->body ? JOB_8BIT_BODY : JOB_8BIT_HEADER;
    if (b.nul & HIGH_BITS)
        f->seen |= JOB_NUL;
    if (b.cr & HIGH_BITS)
        f->seen |= JOB_BARE_CR;
}

void
facts_add(struct facts *f, struct view bytes)
{
    size_t lf;

    while ((lf = view_find(bytes, '\n')) < bytes.len) {
        add_part(f, view_make(bytes.data, lf));
        end_line(f);
        bytes = view_from(bytes, lf + 1);
    }
    add_part(f, bytes);
}

void
facts_end(struct facts *f)
{
    if (f->cr)
        f->seen |= JOB_BARE_CR;
    if (f->column > LINE_MAX_SMTP)
        f->seen |= JOB_LONG_LINE;
}
