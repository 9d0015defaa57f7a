#include "queue/outline.h"

#include "base/id.h"
#include "base/line.h"
#include "queue/json.h"

uint64_t
outline_age(const struct queued *q, uint64_t now)
{
    uint64_t birth = q->header.birth_ms / 1000;

    return now > birth ? now - birth : 0;
}

const char *
outline_state(enum rcpt_state s)
{
    switch (s) {
    case DELIVERED:
        return "delivered";
    case FAILED:
        return "failed";
    case BOUNCED:
        return "bounced";
    default:
        return "owed";
    }
}

void
outline_span(struct buf *b, uint64_t seconds)
{
    static const struct {
        uint64_t length;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    unsigned said = 0;

    for (size_t i = 0; i < sizeof units / sizeof *units && said < 2; i++) {
        uint64_t n = seconds / units[i].length;

        if (n == 0 && (said || units[i].length > 1)) {
            said += said > 0;
            continue;
        }
        buf_print(b, "%ju%c", (uintmax_t)n, units[i].letter);
        seconds %= units[i].length;
        said++;
    }
}

void
outline_next(struct buf *b, const struct queued *q, uint64_t now)
{
    uint64_t next = q->slot.next;

    if (q->envelope.notbefore > next)
        next = q->envelope.notbefore;
    if (q->place == PLACE_BROKEN) {
        buf_addstr(b, "set aside");
    } else if (q->slot.hold) {
        buf_addstr(b, "held");
    } else if (next <= now) {
        buf_addstr(b, "next now");
    } else {
        buf_addstr(b, "next in ");
        outline_span(b, next - now);
    }
}

void
outline_address(struct buf *b, struct view address)
{
    buf_addbyte(b, '<');
    if (address.len)
        line_print(b, "%.*s", (int)address.len, address.data);
    buf_addbyte(b, '>');
}

void
outline_text(struct buf *b, const struct queued *q, uint64_t now)
{
    const struct envelope *e = &q->envelope;
    id_text id;

    buf_print(b, "%s  age ", id_print(q->id, id));
    outline_span(b, outline_age(q, now));
    buf_print(b, ", %ju bytes, in %s, attempts %u, ",
              (uintmax_t)q->header.content_length, place_name(q->place),
              q->slot.attempts);
    outline_next(b, q, now);
    buf_addstr(b, ", from ");
    outline_address(b, e->sender);
    buf_addbyte(b, '\n');
    for (uint32_t i = 0; i < e->rcpt_count; i++) {
        buf_print(b, "    %-9s ", outline_state(q->states[i].state));
        outline_address(b, e->rcpts[i].address);
        buf_addbyte(b, '\n');
    }
}

static void
add_rcpt(struct buf *b, const struct envelope_rcpt *r, const struct state *s)
{
    json_item(b);
    buf_addbyte(b, '{');
    json_addtext(b, "address", r->address);
    json_addtext(b, "state", view_of(outline_state(s->state)));
    if (s->position)
        json_addnumber(b, "position", s->position);
    buf_addbyte(b, '}');
}

void
outline_json(struct buf *b, const struct queued *q, uint64_t now)
{
    const struct envelope *e = &q->envelope;
    id_text id;

    buf_addbyte(b, '{');
    json_addtext(b, "id", view_of(id_print(q->id, id)));
    json_addtext(b, "place", view_of(place_name(q->place)));
    json_addnumber(b, "age", outline_age(q, now));
    json_addnumber(b, "size", q->header.content_length);
    json_addtext(b, "sender", e->sender);
    json_addnumber(b, "attempts", q->slot.attempts);
    json_addnumber(b, "next", q->slot.next);
    json_addbool(b, "hold", q->slot.hold);
    if (e->hold.len)
        json_addtext(b, "hold_reason", e->hold);
    json_key(b, "recipients");
    buf_addbyte(b, '[');
    for (uint32_t i = 0; i < e->rcpt_count; i++)
        add_rcpt(b, &e->rcpts[i], &q->states[i]);
    buf_addstr(b, "]}");
}
