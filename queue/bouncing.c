#include "queue/bouncing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/submit.h"
#include "queue/answers.h"
#include "queue/bounce.h"
#include "queue/bounce_search.h"
#include "queue/failures.h"

enum { DOOR_ANSWER = 30 }; /* seconds */

static void
address(char *to, size_t size, struct view user, const char *host)
{
    if (view_find(user, '@') < user.len)
        snprintf(to, size, "%.*s", (int)user.len, user.data);
    else
        snprintf(to, size, "%.*s@%s", (int)user.len, user.data, host);
}

/* The original's header section, cut at its limit. */
static int
read_header(const struct queued *q, struct buf *b, bool *cut)
{
    uint64_t length = q->header.content_length;
    size_t part = length < BOUNCE_HEADER_MAX ? (size_t)length
                                             : BOUNCE_HEADER_MAX;
    struct view rest, line;
    int r;

    *cut = part < length;
    buf_reserve(b, part);
    if ((r = file_pread(q->fd, b->data, part, CONTENT_OFFSET)) < 0)
        return r;
    b->len = part;
    rest = buf_view(b);
    while (view_line(&rest, &line))
        if (view_trim(line).len == 0) {
            b->len = (size_t)(line.data - b->data);
            *cut = false;
            break;
        }
    return 0;
}

static void
put_rcpts(struct bounce_rcpt *rcpts, const struct bouncing *b,
          const struct queued *q, const struct blocks *blocks)
{
    for (uint32_t i = 0; i < b->count; i++) {
        const struct block *block = blocks_find(blocks, b->rcpts[i]);
        const struct envelope_rcpt *r = &q->envelope.rcpts[b->rcpts[i]];

        rcpts[i].address = r->address;
        rcpts[i].orcpt = r->orcpt;
        rcpts[i].code = view_of("5.0.0");
        rcpts[i].text = view_of("the report of this failure is lost");
        rcpts[i].host = view_of("");
        rcpts[i].when = (time_t)(q->header.birth_ms / 1000);
        if (!block)
            continue;
        rcpts[i].code = block->code;
        rcpts[i].text = block->why;
        rcpts[i].host = block->host;
        rcpts[i].when = (time_t)(block->time_ms / 1000);
        rcpts[i].expired = block->expired;
    }
}

static int
send_content(struct submit *s, const struct queued *q)
{
    enum { PART = 64 * 1024 };
    char *part = mem_alloc(PART);
    uint64_t left = q->header.content_length, at = CONTENT_OFFSET;
    int r = 0;

    while (left && r == 0) {
        size_t len = left < PART ? (size_t)left : PART;

        if ((r = file_pread(q->fd, part, len, at)) == 0)
            submit_content(s, part, len);
        at += len;
        left -= len;
    }
    free(part);
    return r;
}

static void
put_envelope(struct buf *out, const struct bouncing *b,
             const struct queued *q, enum bounce_kind kind)
{
    struct buf answers = {0};

    answers_print(&answers, q->id, b->rcpts, b->count);
    envelope_put(out, TAG_SENDER, bounce_sender(kind));
    envelope_put(out, TAG_RCPT, view_of(b->to));
    envelope_put(out, TAG_ANSWERS, buf_view(&answers));
    envelope_put(out, TAG_VIA, view_of("bounce"));
    envelope_put64(out, TAG_CHOSENID, b->id);
    buf_free(&answers);
}

/* model: bounce-ask */
static int
hand_in(struct bouncing *b, const struct queued *q, const char *rundir,
        const struct bounce *text, enum bounce_kind kind)
{
    struct buf before = {0}, after = {0}, envelope = {0};
    struct submit s;
    struct outcome o;
    id_text id;
    int r = 0;

    bounce_print(text, &before, &after);
    put_envelope(&envelope, b, q, kind);
    if (submit_connect(&s, rundir, "door", DOOR_ANSWER, &o) != DONE) {
        snprintf(b->why, sizeof b->why, "%s", o.text);
        r = -EAGAIN;
    } else {
        submit_envelope(&s, buf_view(&envelope));
        submit_content(&s, before.data, before.len);
        if (text->whole)
            r = send_content(&s, q);
        submit_content(&s, after.data, after.len);
        if (r == 0 && submit_end(&s, id, &o) != DONE) {
            snprintf(b->why, sizeof b->why, "%s", o.text);
            r = -EAGAIN;
        }
        submit_close(&s);
    }
    buf_free(&before);
    buf_free(&after);
    buf_free(&envelope);
    return r;
}

static int
make(struct bouncing *b, const struct store *s, const struct queued *q,
     const struct settings *settings, const char *rundir,
     const struct blocks *blocks)
{
    struct bounce_rcpt *rcpts;
    struct buf header = {0};
    struct bounce text = {0};
    char from[1001];
    struct view to;
    int r;

    if (!bounce_address(q->envelope.sender, &text.kind, &to)) {
        b->triple = true;
        return 0;
    }
    if (text.kind == BOUNCE_DOUBLE)
        address(b->to, sizeof b->to, view_of(settings->doublebounceto),
                settings->doublebouncehost);
    else
        address(b->to, sizeof b->to, to, settings->me);
    if ((r = bounce_search(b, s, q, blocks, text.kind)) != 0)
        return r < 0 ? r : 0;
    if ((r = read_header(q, &header, &text.header_cut)) < 0) {
        buf_free(&header);
        return r;
    }
    address(from, sizeof from, view_of(settings->bouncefrom),
            settings->bouncehost);
    rcpts = mem_alloc(b->count * sizeof *rcpts);
    put_rcpts(rcpts, b, q, blocks);
    text.id = b->id;
    text.original = q->id;
    text.arrival = (time_t)(q->header.birth_ms / 1000);
    text.me = view_of(settings->me);
    text.from = view_of(from);
    text.to = view_of(b->to);
    text.sender = q->envelope.sender;
    text.envid = q->envelope.envid;
    text.rcpts = rcpts;
    text.rcpt_count = b->count;
    text.header = buf_view(&header);
    text.whole = bounce_whole(q->header.content_length,
                              settings->bouncemaxbytes, q->envelope.ret,
                              q->header.facts);
    r = hand_in(b, q, rundir, &text, text.kind);
    free(rcpts);
    buf_free(&header);
    return r;
}

void
bouncing_run(struct bouncing *b, const struct store *s,
             const struct queued *q, const struct settings *settings,
             const char *rundir)
{
    struct blocks blocks = {0};

    memset(b, 0, sizeof *b);
    b->result = failures_read(s, q, &blocks);
    if (b->result == 0)
        bounce_choose(b, q, &blocks);
    if (b->result == 0 && (b->count == 0 || b->never))
        snprintf(b->to, sizeof b->to, "none");
    else if (b->result == 0)
        b->result = make(b, s, q, settings, rundir, &blocks);
    if (b->result < 0 && !*b->why)
        snprintf(b->why, sizeof b->why, "%s", strerror(-b->result));
    blocks_free(&blocks);
}
