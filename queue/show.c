/* godwit show: one message, its envelope, states, schedule and history */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/file.h"
#include "base/id.h"
#include "base/line.h"
#include "base/mem.h"
#include "queue/commands.h"
#include "queue/history.h"
#include "queue/outline.h"

enum { EXIT_NOTHING = 1 };

struct show {
    struct look look;
    uint64_t id;
    uint64_t lines; /* of its history */
};

/* It may move while it is looked for.  As store_load. */
static int
find(const struct show *s, struct queued *q, const char **why)
{
    static const enum place order[] = {PLACE_TODO, PLACE_INFO, PLACE_BROKEN};
    int r = -ENOENT;

    for (size_t i = 0; r == -ENOENT && i < sizeof order / sizeof *order; i++)
        if ((r = store_load(&s->look.store, order[i], s->id, q, why)) < 0)
            q->place = order[i];
    return r;
}

static void
put(struct buf *b, const char *name, struct view value)
{
    if (value.len == 0)
        return;
    buf_print(b, "%-11s ", name);
    line_print(b, "%.*s", (int)value.len, value.data);
    buf_addbyte(b, '\n');
}

static void
put_moment(struct buf *b, const char *name, uint64_t ms)
{
    if (ms == 0)
        return;
    buf_print(b, "%-11s ", name);
    date_stamp(b, ms);
    buf_addbyte(b, '\n');
}

/* "success,delay" and so on (RFC 3461 4.1). */
static void
put_notify(struct buf *b, uint8_t notify)
{
    static const struct {
        uint8_t bit;
        const char *word;
    } words[] = {
        {NOTIFY_NEVER, "never"}, {NOTIFY_SUCCESS, "success"},
        {NOTIFY_FAILURE, "failure"}, {NOTIFY_DELAY, "delay"},
    };
    const char *before = ", notify ";

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (notify & words[i].bit) {
            buf_print(b, "%s%s", before, words[i].word);
            before = ",";
        }
}

static void
put_rcpt(struct buf *b, const struct queued *q, uint32_t i)
{
    const struct envelope_rcpt *r = &q->envelope.rcpts[i];

    buf_print(b, "to %-8u %-9s ", i, outline_state(q->states[i].state));
    outline_address(b, r->address);
    put_notify(b, r->notify);
    if (r->orcpt.len) {
        buf_addstr(b, ", orcpt ");
        line_print(b, "%.*s", (int)r->orcpt.len, r->orcpt.data);
    }
    if (q->states[i].position)
        buf_print(b, ", by the ledger at %ju",
                  (uintmax_t)q->states[i].position);
    buf_addbyte(b, '\n');
}

static void
put_schedule(struct buf *b, const struct queued *q, uint64_t now)
{
    buf_print(b, "%-11s attempts %u, ", "schedule", q->slot.attempts);
    outline_next(b, q, now);
    if (!q->slot_ok)
        buf_addstr(b, " (its record is damaged)");
    buf_addbyte(b, '\n');
}

static void
print_message(const struct queued *q)
{
    static const char *const bodies[] = {"", "7BIT", "8BITMIME",
                                         "BINARYMIME"};
    static const char *const rets[] = {"", "FULL", "HDRS"};
    const struct envelope *e = &q->envelope;
    struct buf b = {0};
    id_text id;

    put(&b, "id", view_of(id_print(q->id, id)));
    put(&b, "place", view_of(place_name(q->place)));
    put_moment(&b, "accepted", q->header.birth_ms);
    buf_print(&b, "%-11s %ju bytes\n", "size",
              (uintmax_t)q->header.content_length);
    buf_print(&b, "%-11s ", "from");
    outline_address(&b, e->sender);
    buf_addbyte(&b, '\n');
    put(&b, "envid", e->envid);
    put(&b, "ret", view_of(e->ret < 3 ? rets[e->ret] : ""));
    put(&b, "body", view_of(e->body < 4 ? bodies[e->body] : ""));
    put(&b, "smtputf8", view_of(e->flags & ENVELOPE_SMTPUTF8 ? "yes" : ""));
    put(&b, "requiretls",
        view_of(e->flags & ENVELOPE_REQUIRETLS ? "yes" : ""));
    put_moment(&b, "not before", e->notbefore * 1000);
    put_moment(&b, "expires", e->expire * 1000);
    put(&b, "on hold", e->hold);
    put(&b, "caller", e->caller);
    put(&b, "client", e->client);
    put(&b, "auth", e->auth);
    put(&b, "tls", e->tls);
    put(&b, "via", e->via);
    put(&b, "answers", e->answers);
    put_schedule(&b, q, (uint64_t)time(NULL));
    for (uint32_t i = 0; i < e->rcpt_count; i++)
        put_rcpt(&b, q, i);
    fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
}

static int
print_content(const struct show *s, const struct queued *q)
{
    enum { PART = 64 * 1024 };
    char *part = mem_alloc(PART);
    uint64_t left = q->header.content_length, at = CONTENT_OFFSET;
    int r = 0;

    while (left && r == 0 && !ferror(stdout)) {
        size_t len = left < PART ? (size_t)left : PART;

        if ((r = file_pread(q->fd, part, len, at)) == 0)
            fwrite(part, 1, len, stdout);
        at += len;
        left -= len;
    }
    free(part);
    return r < 0 ? look_fail(&s->look, place_name(q->place), r)
                 : look_end(&s->look, EXIT_OK);
}

static bool
on_line(void *data, const struct ledger_line *l)
{
    struct show *s = data;
    struct buf b = {0};

    if (!history_about(l->text, s->id))
        return true;
    if (s->lines++ == 0)
        puts("history");
    history_text(&b, l);
    fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
    return !ferror(stdout);
}

/* One line about what is not shown; r as of find. */
static int
not_shown(const struct show *s, int r, const char *why, enum place place)
{
    id_text id;

    id_print(s->id, id);
    if (r == -ENOENT)
        fprintf(stderr, "godwit show: no message %s in the queue\n", id);
    else if (r == -EBADMSG || r == -ENOTSUP)
        fprintf(stderr, "godwit show: %s in %s cannot be read: %s\n", id,
                place_name(place), why);
    else
        return look_fail(&s->look, place_name(place), r);
    return EXIT_NOTHING;
}

static int
show(struct show *s, bool raw)
{
    struct queued q;
    const char *why;
    int code = 0, r = find(s, &q, &why);

    if (r < 0)
        code = not_shown(s, r, why, q.place);
    else if (raw)
        code = print_content(s, &q);
    else
        print_message(&q);
    if (r == 0)
        queued_free(&q);
    if (raw || code == EXIT_LATER)
        return code;
    if ((r = history_walk(&s->look, on_line, s)) != 0)
        return r;
    return look_end(&s->look, code);
}

int
show_main(int argc, char **argv)
{
    struct show s = {.id = 0};
    const char *word = NULL;
    bool raw = false, usage = false;
    int code;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--raw") == 0)
            raw = true;
        else if (word)
            usage = true;
        else
            word = argv[i];
    }
    if (usage || !word || !id_parse(view_of(word), &s.id)) {
        fprintf(stderr, "godwit show: one id of 13 letters, please\n");
        return EXIT_USAGE;
    }
    if ((code = look_open(&s.look, "show")) != 0)
        return code;
    code = show(&s, raw);
    look_close(&s.look);
    return code;
}
