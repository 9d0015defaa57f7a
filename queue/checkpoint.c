#include "queue/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"

enum { ONE_BY_ONE = 1000 }; /* more files than that: one syncfs */

void
checkpoint_init(struct checkpoint *c, struct ledger *l, const struct store *s)
{
    memset(c, 0, sizeof *c);
    c->ledger = l;
    c->store = s;
    c->last = &c->first;
    c->work.data = c;
}

static void try_sync(struct checkpoint *c);

void
checkpoint_note(struct checkpoint *c, struct checkpoint_item *item)
{
    if (item->seq)
        return;
    item->seq = c->ledger->appended;
    item->next = NULL;
    item->link = c->last;
    *c->last = item;
    c->last = &item->next;
}

void
checkpoint_done(struct checkpoint *c, struct checkpoint_item *item,
                uint64_t seq)
{
    if (item->seq == 0)
        return;
    if (seq == UINT64_MAX) {
        item->seq = 0;
        *item->link = item->next;
        if (item->next)
            item->next->link = item->link;
        else
            c->last = item->link;
    } else {
        item->seq = seq;
    }
    if (c->doing == CHECKPOINT_WAITING)
        try_sync(c);
}

void
checkpoint_marked(struct checkpoint *c, uint64_t id)
{
    if (c->marked_count == c->marked_room && c->marked_room < ONE_BY_ONE) {
        c->marked_room = c->marked_room ? c->marked_room * 2 : 64;
        c->marked = mem_grow(c->marked, c->marked_room * sizeof *c->marked);
    }
    if (c->marked_count < c->marked_room)
        c->marked[c->marked_count] = id;
    c->marked_count++;
}

/* A file that left the queue meanwhile needs no sync. */
static int
sync_file(const struct store *s, uint64_t id, bool *unsynced)
{
    id_text name;
    int r = -ENOENT, fd = -1;

    id_print(id, name);
    for (int p = PLACE_TODO; p <= PLACE_BROKEN && r == -ENOENT; p++)
        r = file_open(&fd, s->dirs[p], name);
    if (r == 0 && (r = file_sync(fd)) < 0)
        *unsynced = true;
    file_close(&fd);
    return r == -ENOENT ? 0 : r;
}

/* model: checkpoint-sync */
static void
sync_work(uv_work_t *w)
{
    struct checkpoint *c = w->data;
    int r = 0;

    c->unsynced = false;
    if (c->syncing_count <= ONE_BY_ONE)
        for (size_t i = 0; r == 0 && i < c->syncing_count; i++)
            r = sync_file(c->store, c->syncing[i], &c->unsynced);
    else if (syncfs(c->store->queue) < 0)
        r = -errno;
    c->unsynced |= r < 0 && c->syncing_count > ONE_BY_ONE;
    for (int p = 0; r == 0 && p < PLACES; p++)
        if ((r = store_sync(c->store, (enum place)p)) < 0)
            c->unsynced = true;
    c->result = r;
}

static void
finish(struct checkpoint *c, int r)
{
    if (r < 0) {
        log_event("checkpoint why=%s then=\"none until the next start\"",
                  strerror(-r));
        c->failed = true;
    }
    free(c->syncing);
    c->syncing = NULL;
    c->doing = CHECKPOINT_IDLE;
    if (c->idle)
        c->idle(c->data);
}

/* model: checkpoint-head */
static void
head_work(uv_work_t *w)
{
    struct checkpoint *c = w->data;

    c->result = head_write(c->store->ledger, &c->head);
}

static void
on_head(uv_work_t *w, int status)
{
    struct checkpoint *c = w->data;

    finish(c, status < 0 ? status : c->result);
}

static void
on_recorded(struct ledger_wait *w)
{
    struct checkpoint *c = (struct checkpoint *)((char *)w -
                               offsetof(struct checkpoint, wait));

    c->head.position = c->ledger->at.signed_position;
    c->head.chain = c->ledger->at.signed_chain;
    c->doing = CHECKPOINT_HEAD;
    uv_queue_work(c->ledger->loop, &c->work, head_work, on_head);
}

/* Those that were to be synced are left to the next one. */
static void
mark_again(struct checkpoint *c)
{
    if (c->syncing_count > ONE_BY_ONE) { /* not all names are known */
        c->marked_count += c->syncing_count;
        return;
    }
    for (size_t i = 0; i < c->syncing_count; i++)
        checkpoint_marked(c, c->syncing[i]);
}

static void
on_synced(uv_work_t *w, int status)
{
    struct checkpoint *c = w->data;
    int r = status < 0 ? status : c->result;

    if (r < 0 && !c->unsynced) {
        /* A file could not be opened now: the next one tries again. */
        mark_again(c);
        finish(c, 0);
        return;
    }
    if (r < 0) {
        finish(c, r);
        return;
    }
    ledger_line(c->ledger, NULL, "checkpoint upto=%ju",
                (uintmax_t)c->head.upto);
    ledger_sign(c->ledger);
    c->last_seq = c->ledger->appended;
    c->doing = CHECKPOINT_RECORDING;
    ledger_wait(c->ledger, &c->wait, on_recorded);
}

static void
try_sync(struct checkpoint *c)
{
    /* As many as messages are in memory, and in no order. */
    for (const struct checkpoint_item *i = c->first; i; i = i->next)
        if (i->seq <= c->upto_seq)
            return;
    c->syncing = c->marked;
    c->syncing_count = c->marked_count;
    c->marked = NULL;
    c->marked_count = c->marked_room = 0;
    c->doing = CHECKPOINT_SYNCING;
    uv_queue_work(c->ledger->loop, &c->work, sync_work, on_synced);
}

/* model: checkpoint-begin */
bool
checkpoint_begin(struct checkpoint *c)
{
    if (c->doing != CHECKPOINT_IDLE || c->failed ||
        c->ledger->synced <= c->last_seq)
        return false;
    c->head.upto = c->ledger->at.position;
    c->head.upto_chain = c->ledger->at.chain;
    c->upto_seq = c->ledger->synced;
    c->doing = CHECKPOINT_WAITING;
    try_sync(c);
    return true;
}

bool
checkpoint_idle(const struct checkpoint *c)
{
    return c->doing == CHECKPOINT_IDLE;
}
