#include "remote/wire.h"

/* The bytes of a line up to its LF, or up to the end of the piece.  A CR at
 * the end is held back: an LF may follow in the next piece. */
static void
add_text(struct wire *w, struct view text, struct buf *out)
{
    if (text.len == 0)
        return;
    if (w->cr)
        buf_addbyte(out, '\r');
    w->cr = text.data[text.len - 1] == '\r';
    if (!w->inside && !w->chunks && text.data[0] == '.')
        buf_addbyte(out, '.');
    w->inside = true;
    buf_add(out, text.data, text.len - w->cr);
}

void
wire_add(struct wire *w, struct view piece, struct buf *out)
{
    while (piece.len) {
        size_t end = view_find(piece, '\n');

        add_text(w, view_make(piece.data, end), out);
        if (end == piece.len)
            return;
        buf_add(out, "\r\n", 2);
        w->inside = w->cr = false;
        piece = view_from(piece, end + 1);
    }
}

void
wire_end(struct wire *w, struct buf *out)
{
    if (w->cr)
        buf_addbyte(out, '\r');
    if (w->inside)
        buf_add(out, "\r\n", 2);
    w->inside = w->cr = false;
}
