#include "queue/fates.h"

#include <stdlib.h>
#include <string.h>

#include "base/envelope.h"
#include "base/id.h"
#include "base/line.h"
#include "base/mem.h"
#include "queue/answers.h"
#include "queue/look.h"

const struct fate_of *
fates_find(const struct fates *f, uint64_t id)
{
    struct fate_of *one;

    HASH_FIND(hh, f->ids, &id, sizeof id, one);
    return one;
}

void
fates_add(struct fates *f, uint64_t id)
{
    struct fate_of *one;

    if (fates_find(f, id))
        return;
    one = mem_alloc(sizeof *one);
    memset(one, 0, sizeof *one);
    one->id = id;
    one->hold = -1;
    HASH_ADD(hh, f->ids, id, sizeof one->id, one);
}

/* A message's recipients are as many as its highest index says. */
static struct state *
state_of(struct fate_of *one, uint32_t rcpt)
{
    if (rcpt >= one->room) {
        one->room = rcpt < 8 ? 16 : 2 * (size_t)rcpt;
        one->states = mem_grow(one->states, one->room * sizeof *one->states);
    }
    while (one->count <= rcpt)
        one->states[one->count++] = (struct state){.state = OWED};
    return &one->states[rcpt];
}

static void
outcome(struct fate_of *one, const struct ledger_line *l,
        enum rcpt_state state)
{
    uint64_t rcpt;

    one->tried = true;
    if (line_getnumber(l->text, "rcpt", &rcpt) && rcpt < ENVELOPE_RCPT_MAX)
        *state_of(one, (uint32_t)rcpt) =
            (struct state){.state = state, .position = l->position};
}

/* As recovery does it: an accepted bounce settles those that failed. */
static void
answered(struct fates *f, const struct ledger_line *l)
{
    struct buf b = {0};
    struct fate_of *one;
    struct view rest;
    uint32_t rcpt;

    if (line_get(l->text, "answers", &b)) {
        rest = buf_view(&b);
        one = (struct fate_of *)fates_find(f, answers_id(rest));
        while (one && answers_next(&rest, &rcpt)) {
            struct state *s = rcpt < one->count ? &one->states[rcpt] : NULL;

            if (s && s->state == FAILED)
                *s = (struct state){.state = BOUNCED,
                                    .position = l->position};
        }
    }
    buf_free(&b);
}

void
fates_line(struct fates *f, const struct ledger_line *l)
{
    struct fate_of *one;
    uint64_t id;

    if (ledger_is(l, "gap"))
        f->gap_ms = l->ms;
    if (ledger_is(l, "accept"))
        answered(f, l);
    if (!f->ids || !look_id(l->text, "id", &id) ||
        !(one = (struct fate_of *)fates_find(f, id)))
        return;
    if (ledger_is(l, "deliver"))
        outcome(one, l, DELIVERED);
    else if (ledger_is(l, "fail"))
        outcome(one, l, FAILED);
    else if (ledger_is(l, "bounce"))
        outcome(one, l, BOUNCED);
    else if (ledger_is(l, "defer"))
        one->tried = true;
    else if (ledger_is(l, "remove"))
        one->removed = true;
    else if (ledger_is(l, "broken"))
        one->aside = true;
    else if (ledger_is(l, "hold") || ledger_is(l, "release"))
        one->hold = ledger_is(l, "hold");
}

enum fate
fates_get(const struct fates *f, uint64_t id)
{
    const struct fate_of *one = fates_find(f, id);

    if (one && one->removed)
        return FATE_REMOVED;
    if (!one || f->unsure || id_ms(id) < f->gap_ms)
        return FATE_UNKNOWN;
    return one->aside ? FATE_ASIDE : one->tried ? FATE_TRIED : FATE_NONE;
}

void
fates_free(struct fates *f)
{
    struct fate_of *one, *tmp;

    HASH_ITER(hh, f->ids, one, tmp) {
        HASH_DEL(f->ids, one);
        free(one->states);
        free(one);
    }
    memset(f, 0, sizeof *f);
}
