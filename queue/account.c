#include "queue/account.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/envelope.h"
#include "base/line.h"
#include "base/mem.h"
#include "queue/answers.h"
#include "queue/look.h"

/* A remove line younger than the reading, by clocks that may differ a bit:
 * its file may still be seen. */
enum { LATELY_MS = 60 * 1000 };

/* In place of a bounce's id: the sender wanted none, or there is nobody. */
static const uint64_t NO_BOUNCE = 1;

struct account_entry {
    uint64_t id;
    uint64_t position;       /* of its accept, or what made it expected */
    uint32_t rcpts, settled;
    bool accepted, removed;
    bool expected;           /* a bounce line names it */
    uint8_t places;          /* a bit for each it was seen in */
    unsigned char *states;   /* owned; an enum rcpt_state each */
    uint64_t *bounces;       /* owned; NULL: none */
    uint64_t *lines;         /* owned; of outcomes; NULL: none */
    UT_hash_handle hh;
};

/* A line and where it stands. */
struct line_at {
    struct view text;
    uint64_t position;
};

static void
fault_with(struct account *a, uint64_t id, int64_t rcpt, uint64_t position,
           uint64_t other, const char *why)
{
    struct account_fault f = {id, rcpt, position, why, other};

    a->faults++;
    a->fault(a->data, &f);
}

static void
fault(struct account *a, uint64_t id, int64_t rcpt, uint64_t position,
      const char *why)
{
    fault_with(a, id, rcpt, position, 0, why);
}

/* A second outcome of a recipient who has one. */
static void
again(struct account *a, const struct account_entry *e, uint32_t i,
      uint64_t position, const char *why)
{
    fault_with(a, e->id, i, position, e->lines ? e->lines[i] : 0, why);
}

static struct account_entry *
find(const struct account *a, uint64_t id)
{
    struct account_entry *e;

    HASH_FIND(hh, a->entries, &id, sizeof id, e);
    return e;
}

static struct account_entry *
make(struct account *a, uint64_t id)
{
    struct account_entry *e = find(a, id);

    if (!e) {
        e = mem_alloc(sizeof *e);
        e->id = id;
        HASH_ADD(hh, a->entries, id, sizeof e->id, e);
    }
    return e;
}

static void
forget(struct account_entry *e)
{
    free(e->states);
    free(e->bounces);
    free(e->lines);
    e->states = NULL;
    e->bounces = e->lines = NULL;
}

static void
drop(struct account *a, struct account_entry *e)
{
    HASH_DEL(a->entries, e);
    forget(e);
    free(e);
}

/* The accepted message a line is about; NULL if there is none. */
static struct account_entry *
accepted(struct account *a, uint64_t id, uint64_t position, const char *why)
{
    struct account_entry *e = find(a, id);

    if (e && e->accepted && !e->removed)
        return e;
    if (a->partial)
        a->before++;
    else
        fault(a, id, -1, position, why);
    return NULL;
}

/* The recipient's final outcome. */
static void
settle(struct account *a, struct account_entry *e, uint32_t i,
       enum rcpt_state state, uint64_t position)
{
    if (!e->lines)
        e->lines = mem_alloc(e->rcpts * sizeof *e->lines);
    e->lines[i] = position;
    e->states[i] = (unsigned char)state;
    e->settled++;
    a->delivered += state == DELIVERED;
    a->bounced += state == BOUNCED;
}

static void
deliver(struct account *a, struct account_entry *e, uint32_t i,
        const struct line_at *l)
{
    if (e->states[i] == DELIVERED)
        again(a, e, i, l->position, "two outcomes: delivered again");
    else if (e->states[i] == BOUNCED)
        again(a, e, i, l->position, "two outcomes: delivered after a bounce");
    else
        settle(a, e, i, DELIVERED, l->position);
}

/* Its bounce is the outcome; until then it is owed one. */
static void
fail(struct account *a, struct account_entry *e, uint32_t i,
     const struct line_at *l)
{
    if (state_settled(e->states[i]))
        again(a, e, i, l->position, "failed after it had its outcome");
    else
        e->states[i] = FAILED;
}

static void
settle_bounced(struct account *a, struct account_entry *e, uint32_t i,
               uint64_t as, uint64_t position)
{
    if (e->states[i] == DELIVERED) {
        again(a, e, i, position, "two outcomes: a bounce after delivery");
    } else if (e->states[i] == BOUNCED) {
        /* The bounce's own accept line and the original's bounce line say
         * the same. */
        if (e->bounces[i] != as)
            again(a, e, i, position, "two outcomes: a second bounce");
    } else {
        if (!e->bounces)
            e->bounces = mem_alloc(e->rcpts * sizeof *e->bounces);
        e->bounces[i] = as;
        a->unwanted += as == NO_BOUNCE;
        settle(a, e, i, BOUNCED, position);
    }
}

static void
bounce(struct account *a, struct account_entry *e, uint32_t i,
       const struct line_at *l)
{
    struct account_entry *message;
    uint64_t as = NO_BOUNCE;
    bool known;

    look_id(l->text, "as", &as);
    known = e->bounces && e->bounces[i] == as;
    settle_bounced(a, e, i, as, l->position);
    /* Its accept line is still to come, unless it settled this recipient. */
    if (as == NO_BOUNCE || known)
        return;
    message = make(a, as);
    if (!message->accepted) {
        message->expected = true;
        message->position = l->position;
    }
}

static void
outcome(struct account *a, uint64_t id, const struct line_at *l,
        void (*apply)(struct account *a, struct account_entry *e, uint32_t i,
                      const struct line_at *l))
{
    struct account_entry *e = accepted(a, id, l->position,
                                       "an outcome without acceptance");
    uint64_t i;

    if (!e)
        return;
    if (line_getnumber(l->text, "rcpt", &i) && i < e->rcpts)
        apply(a, e, (uint32_t)i, l);
    else
        fault_with(a, id, -1, l->position, e->position,
                   "an outcome of no recipient it has");
}

/* What a bounce answers is settled by its acceptance. */
static void
answer(struct account *a, uint64_t id, struct view text, uint64_t position)
{
    struct buf b = {0};
    struct account_entry *e;
    struct view rest;
    uint32_t i;

    if (!line_get(text, "answers", &b))
        return;
    rest = buf_view(&b);
    e = find(a, answers_id(rest));
    if (e && e->accepted && !e->removed)
        while (answers_next(&rest, &i)) {
            if (i < e->rcpts)
                settle_bounced(a, e, i, id, position);
            else
                fault(a, id, -1, position, "answers no recipient there is");
        }
    buf_free(&b);
}

static void
accept_line(struct account *a, uint64_t id, struct view text,
            uint64_t position)
{
    struct account_entry *e;
    uint64_t rcpts;

    if (!line_getnumber(text, "rcpts", &rcpts) || rcpts == 0 ||
        rcpts > ENVELOPE_RCPT_MAX) {
        fault(a, id, -1, position, "accepted without recipients");
        return;
    }
    e = make(a, id);
    if (e->accepted && !e->removed) {
        /* A crash came between this line and the message's outcome. */
        if (e->rcpts != rcpts)
            fault_with(a, id, -1, position, e->position,
                       "accepted again as another message");
        return;
    }
    forget(e);
    e->accepted = true;
    e->removed = e->expected = false;
    e->position = position;
    e->rcpts = (uint32_t)rcpts;
    e->settled = 0;
    e->states = mem_alloc(rcpts);
    memset(e->states, OWED, rcpts);
    a->accepted.messages++;
    a->accepted.rcpts += rcpts;
    answer(a, id, text, position);
}

static void
remove_line(struct account *a, uint64_t id, uint64_t ms, uint64_t position)
{
    struct account_entry *e = accepted(a, id, position,
                                       "removed without acceptance");

    if (!e) {
        if ((e = find(a, id)) != NULL)
            e->removed = true;
        return;
    }
    for (uint32_t i = 0; i < e->rcpts && e->settled < e->rcpts; i++)
        if (!state_settled(e->states[i]))
            fault_with(a, id, i, position, e->position,
                       "removed without an outcome");
    a->removed.messages++;
    a->removed.rcpts += e->rcpts;
    if (!e->places && ms + LATELY_MS < a->began_ms) {
        drop(a, e);
    } else {
        /* Its file may be seen before it goes. */
        e->removed = true;
        forget(e);
    }
}

static bool
is(struct view text, const char *event)
{
    size_t len = strlen(event);

    return text.len > len && memcmp(text.data, event, len) == 0 &&
           text.data[len] == ' ';
}

void
account_line(struct account *a, struct view text, uint64_t ms,
             uint64_t position)
{
    struct line_at l = {text, position};
    uint64_t id;

    if (!look_id(text, "id", &id))
        return;
    if (is(text, "accept"))
        accept_line(a, id, text, position);
    else if (is(text, "deliver"))
        outcome(a, id, &l, deliver);
    else if (is(text, "fail"))
        outcome(a, id, &l, fail);
    else if (is(text, "bounce"))
        outcome(a, id, &l, bounce);
    else if (is(text, "remove"))
        remove_line(a, id, ms, position);
    else if (is(text, "defer"))
        a->deferrals++;
}

void
account_relist(struct account *a)
{
    struct account_entry *e, *tmp;

    HASH_ITER(hh, a->entries, e, tmp) {
        e->places = 0;
        if (!e->accepted && !e->expected)
            drop(a, e);
    }
}

void
account_listed(struct account *a, enum place place, uint64_t id)
{
    make(a, id)->places |= (uint8_t)(1 << place);
}

/* Why the message does not add up as things stand, or NULL. */
static const char *
doubt(const struct account *a, const struct account_entry *e)
{
    if (e->removed)
        return NULL;
    if (e->accepted)
        return e->places || e->settled == e->rcpts
                   ? NULL : "accepted, without an outcome, and not kept";
    if (e->expected && !e->places)
        return "a bounce that was never accepted and is not kept";
    return (e->places & 1 << PLACE_INFO) && !a->partial
               ? "kept in info/ without acceptance" : NULL;
}

size_t
account_doubts(const struct account *a)
{
    size_t n = 0;

    for (const struct account_entry *e = a->entries; e; e = e->hh.next)
        n += doubt(a, e) != NULL;
    return n;
}

static void
report(struct account *a, const struct account_entry *e, const char *why)
{
    if (!e->accepted) {
        fault(a, e->id, -1, e->position, why);
        return;
    }
    for (uint32_t i = 0; i < e->rcpts; i++)
        if (!state_settled(e->states[i]))
            fault(a, e->id, i, e->position, why);
}

void
account_end(struct account *a, struct account_end *end)
{
    memset(end, 0, sizeof *end);
    for (struct account_entry *e = a->entries; e; e = e->hh.next) {
        const char *why = doubt(a, e);
        struct account_sum *sum =
            e->places & (1 << PLACE_TODO | 1 << PLACE_INFO) ? &end->queued
                                                            : &end->aside;

        if (why)
            report(a, e, why);
        else if (!e->accepted && e->places && !e->removed)
            end->unrecorded++;
        else if (e->accepted && !e->removed && e->settled < e->rcpts) {
            sum->messages++;
            sum->rcpts += e->rcpts - e->settled;
        }
    }
}

void
account_free(struct account *a)
{
    struct account_entry *e, *tmp;

    HASH_ITER(hh, a->entries, e, tmp) {
        drop(a, e);
    }
}
