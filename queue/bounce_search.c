#include "queue/bounce_search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "queue/answers.h"

enum { ID_TRIES = 16 };

/* Whether the sender wants to hear of it (RFC 3461 4.1: not said is yes). */
static bool
wanted(const struct envelope_rcpt *r)
{
    return r->notify == 0 || (r->notify & NOTIFY_FAILURE);
}

/* When a recipient failed, as far as it is known. */
static uint64_t
failed_ms(const struct queued *q, const struct blocks *blocks, uint32_t index)
{
    const struct block *block = blocks_find(blocks, index);

    return block ? block->time_ms : q->header.birth_ms;
}

void
bounce_choose(struct bouncing *b, const struct queued *q,
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
        const struct blocks *blocks, enum bounce_kind kind)
{
    uint64_t first_ms = failed_ms(q, blocks, b->rcpts[0]);
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

int
bounce_search(struct bouncing *b, const struct store *s,
              const struct queued *q, const struct blocks *blocks,
              enum bounce_kind kind)
{
    int r = find_begun(b, s, q, blocks, kind);

    if (r == 0)
        r = find_id(b, s, q, blocks, kind);
    if (r != 0)
        return r;
    if ((r = is_settled(b, q)) > 0) {
        snprintf(b->why, sizeof b->why, "settled meanwhile");
        return -EAGAIN;
    }
    return r;
}
