#include "inject/post.h"

enum { PART = 64 * 1024 };

/* Small pieces travel together. */
static bool
add(struct handover *h, struct buf *part, struct view v)
{
    bool wanted = true;

    if (part->len + v.len > PART && part->len) {
        wanted = handover_content(h, buf_view(part));
        buf_clear(part);
    }
    if (wanted && v.len >= PART)
        return handover_content(h, v);
    buf_addview(part, v);
    return wanted;
}

/* RFC 5322 3.5: what follows the header and is not its empty line is body. */
static bool
lacks_empty_line(struct view rest)
{
    return rest.len && rest.data[0] != '\n' &&
           !(rest.len > 1 && rest.data[0] == '\r' && rest.data[1] == '\n');
}

static bool
add_header(struct handover *h, struct buf *part, const struct complete *c,
           struct view rest)
{
    bool wanted = true;

    for (size_t i = 0; i < c->count && wanted; i++)
        wanted = add(h, part, complete_piece(c, i));
    if (wanted && lacks_empty_line(rest))
        wanted = add(h, part, view_of(c->crlf ? "\r\n" : "\n"));
    return wanted && add(h, part, rest);
}

enum verdict
post_message(struct input *in, const struct complete *c,
             const struct handover_envelope *e, unsigned wait,
             struct outcome *o, int *input_error)
{
    struct buf part = {0};
    struct handover h;
    struct view more = {"", 0};
    enum verdict v = handover_begin(&h, e, wait, o);
    bool wanted;
    int r = 0;

    *input_error = 0;
    if (v != DONE)
        return v;
    wanted = add_header(&h, &part, c, input_rest(in));
    while (wanted && (r = input_more(in, &more)) == 0 && more.len)
        wanted = add(&h, &part, more);
    if (r == 0 && wanted && part.len)
        handover_content(&h, buf_view(&part));
    buf_free(&part);
    if (r < 0) {
        handover_abort(&h);
        *input_error = r;
        return outcome_errno(o, r, "cannot read the message");
    }
    return handover_end(&h, o);
}
