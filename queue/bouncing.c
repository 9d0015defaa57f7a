#include "queue/bouncing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/submit.h"
#include "queue/answers.h"
#include "queue/blocks.h"
#include "queue/bounce.h"

enum {
    REPORTS_MAX = 256 << 20, /* bytes of bounce/ID */
    ID_TRIES = 16,
    DOOR_ANSWER = 30,        /* seconds */
};

void
failures_add(struct failures *f, uint32_t index, bool expired,
             const struct outcome *o, const char *host)
{
    struct failure *one;

    if (f->count == f->room) {
        f->room = f->room ? f->room * 2 : 2;
        f->v = mem_grow(f->v, f->room * sizeof *f->v);
    }
    one = &f->v[f->count++];
    memset(one, 0, sizeof *one);
    one->index = index;
    one->expired = expired;
    one->outcome = *o;
    snprintf(one->host, sizeof one->host, "%s", host);
}

void
failures_free(struct failures *f)
{
    free(f->v);
    memset(f, 0, sizeof *f);
}

/* model: reports-write, reports-sync */
int
failures_write(const struct store *s, const struct queued *q,
               const struct failures *f, uint64_t now_ms)
{
    struct buf b = {0};
    id_text name;
    int fd, r = 0;

    for (size_t i = 0; i < f->count; i++) {
        const struct failure *one = &f->v[i];
        struct block block = {
            .time_ms = now_ms,
            .rcpt = one->index,
            .expired = one->expired,
            .code = view_of(one->outcome.code),
            .host = view_of(one->host),
            .why = view_of(one->outcome.text),
            .to = q->envelope.rcpts[one->index].address,
        };

        block_print(&b, q->id, &block);
    }
    fd = openat(s->dirs[PLACE_BOUNCE], id_print(q->id, name),
                O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        r = -errno;
    else if ((r = file_write(fd, b.data, b.len)) == 0 &&
             (r = file_sync(fd)) == 0)
        r = store_sync(s, PLACE_BOUNCE);
    file_close(&fd);
    buf_free(&b);
    return r;
}

/* Whether the sender wants to hear of it (RFC 3461 4.1: not said is yes). */
static bool
wanted(const struct envelope_rcpt *r)
{
    return r->notify == 0 || (r->notify & NOTIFY_FAILURE);
}

static int
read_blocks(struct blocks *blocks, const struct store *s,
            const struct queued *q)
{
    struct buf file = {0};
    id_text name;
    int r = file_read(s->dirs[PLACE_BOUNCE], id_print(q->id, name),
                      REPORTS_MAX, &file);

    if (r == 0)
        blocks_parse(blocks, q->id, buf_view(&file));
    buf_free(&file);
    /* Without its reports the bounce says less, but it is made. */
    return r == -ENOENT ? 0 : r;
}

/* When a recipient failed, as far as it is known. */
static uint64_t
failed_ms(const struct queued *q, const struct blocks *blocks, uint32_t index)
{
    const struct block *block = blocks_find(blocks, index);

    return block ? block->time_ms : q->header.birth_ms;
}

/* The failed recipients that get the same treatment, in order: those of one
 * attempt, so that a request of before, which may still be under way, had
 * the same first one and the same moment, and so the same id. */
static void
choose(struct bouncing *b, const struct queued *q,
       const struct blocks *blocks)
{
    uint64_t first_ms = 0;

    b->count = 0;
    for (uint32_t i = 0; i < q->header.rcpt_count; i++) {
        bool want = wanted(&q->envelope.rcpts[i]);

        if (q->states[i].state != FAILED)
            continue;
        if (b->count == 0) {
            b->never = !want;
            first_ms = failed_ms(q, blocks, i);
        }
        if (want == !b->never && b->count < BOUNCE_RCPT_MAX &&
            (b->never || failed_ms(q, blocks, i) == first_ms))
            b->rcpts[b->count++] = i;
    }
}

/* As store_load, in the folder where id is.  Enqueue may be between its link
 * and its sync, so the name is synced before anything is built on it. */
/* model: bounce-sync */
static int
load_synced(const struct store *s, uint64_t id, struct queued *q)
{
    const char *why;
    int r = -ENOENT, e;

    for (int p = PLACE_TODO; p <= PLACE_BROKEN && r == -ENOENT; p++)
        r = store_load(s, (enum place)p, id, q, &why);
    if (r == 0 && (e = store_sync(s, q->place)) < 0) {
        queued_free(q);
        r = e;
    }
    return r;
}

/* Whether the message id answers the first of the chosen recipients, or with
 * any some of them: 1, and those that it answers alone stay chosen; 0: there
 * is no such message, -EEXIST: it is another message, or an errno. */
/* model: bounce-find */
static int
match(struct bouncing *b, const struct store *s, const struct queued *q,
      uint64_t id, bool any)
{
    uint32_t kept[BOUNCE_RCPT_MAX], count = 0, at = 0, index;
    struct queued there;
    struct view answers;
    int r = load_synced(s, id, &there);

    if (r < 0)
        /* Damaged or not: it stands under this name and is kept. */
        return r == -ENOENT ? 0
               : r == -EBADMSG || r == -ENOTSUP ? -EEXIST : r;
    answers = there.envelope.answers;
    /* Both are in ascending order. */
    if (answers_id(answers) == q->id)
        while (answers_next(&answers, &index)) {
            while (at < b->count && b->rcpts[at] < index)
                at++;
            if (at < b->count && b->rcpts[at] == index)
                kept[count++] = index;
        }
    queued_free(&there);
    if (count == 0 || (!any && kept[0] != b->rcpts[0]))
        return -EEXIST;
    memcpy(b->rcpts, kept, count * sizeof *kept);
    b->count = count;
    b->id = id;
    return 1;
}

/* The bounce's id follows from what it answers; where chance gave it to
 * another message already, the next one that does.  As match. */
static int
find_id(struct bouncing *b, const struct store *s, const struct queued *q,
        uint64_t first_ms, enum bounce_kind kind)
{
    int r = -EEXIST;

    for (unsigned i = 0; i < ID_TRIES && r == -EEXIST; i++) {
        b->id = bounce_id(first_ms + i, q->id, kind, b->rcpts[0]);
        r = match(b, s, q, b->id, false);
    }
    return r;
}

/* A bounce that answers several has a line for each, and a crash may have
 * left only the first of them.  The others are found in the message that was
 * made for these.  As match. */
/* model: bounce-begun */
static int
find_begun(struct bouncing *b, const struct store *s, const struct queued *q,
           const struct blocks *blocks, enum bounce_kind kind)
{
    unsigned looked = 0;
    int r = 0;

    for (uint32_t i = b->rcpts[0]; r == 0 && i-- > 0;) {
        const struct block *block = q->states[i].state == BOUNCED
                                        ? blocks_find(blocks, i) : NULL;

        if (block && ++looked > BOUNCE_RCPT_MAX)
            break;
        if (block)
            r = match(b, s, q, bounce_id(block->time_ms, q->id, kind, i),
                      true);
        if (r == -EEXIST)
            r = 0;
    }
    return r;
}

/* A bounce that came to be after q was read, by a request that was slow, may
 * have settled them and be gone: it marked the file before it was tried.  1,
 * 0 or an errno. */
/* model: bounce-reread */
static int
is_settled(const struct bouncing *b, const struct queued *q)
{
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < b->count; i++) {
        unsigned char record[STATE_LEN];
        struct state now;

        r = file_pread(q->fd, record, sizeof record,
                       header_states(&q->header) +
                           (uint64_t)b->rcpts[i] * STATE_LEN);
        if (r == 0 && state_parse(&now, q->id, b->rcpts[i], record))
            r = now.state == BOUNCED;
    }
    return r;
}

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
    if ((r = find_begun(b, s, q, blocks, text.kind)) != 0)
        return r < 0 ? r : 0;
    r = find_id(b, s, q, failed_ms(q, blocks, b->rcpts[0]), text.kind);
    if (r != 0)
        return r < 0 ? r : 0;
    if ((r = is_settled(b, q)) != 0) {
        if (r > 0)
            snprintf(b->why, sizeof b->why, "settled meanwhile");
        return r < 0 ? r : -EAGAIN;
    }
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
    b->result = read_blocks(&blocks, s, q);
    if (b->result == 0)
        choose(b, q, &blocks);
    if (b->result == 0 && (b->count == 0 || b->never))
        snprintf(b->to, sizeof b->to, "none");
    else if (b->result == 0)
        b->result = make(b, s, q, settings, rundir, &blocks);
    if (b->result < 0 && !*b->why)
        snprintf(b->why, sizeof b->why, "%s", strerror(-b->result));
    blocks_free(&blocks);
}
