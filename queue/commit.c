#include "queue/commit.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"

enum { BATCH_SHARE = 4 };

void
commit_init(struct commit *c, uv_loop_t *loop, const struct todo *todo,
            void (*synced)(struct commit *, const struct commit_entry *))
{
    c->loop = loop;
    c->todo = todo;
    c->work.data = c;
    c->synced = synced;
}

/* model: incoming-folder */
static void
sync_folder(uv_work_t *work)
{
    struct commit *c = work->data;

    /* The spool user itself may not list todo/ and so cannot open it for a
     * sync; writing without a server, it syncs the file system. */
    if (c->todo->list)
        c->result = file_sync(c->todo->dir);
    else
        c->result = syncfs(c->syncing->incoming->fd) < 0 ? -errno : 0;
    if (c->result < 0)
        for (struct commit_entry *e = c->syncing; e; e = e->next)
            if (!e->keep)
                incoming_unlink(e->incoming);
}

static void start(struct commit *c);

static void
on_synced(uv_work_t *work, int status)
{
    struct commit *c = work->data;
    struct commit_entry *e = c->syncing;
    int r = status < 0 ? status : c->result;

    c->syncing = NULL;
    c->busy = false;
    c->syncs++;
    if (r == 0)
        c->synced(c, e);
    while (e) {
        struct commit_entry *next = e->next;

        e->done(e, r);
        e = next;
    }
    start(c);
}

static void
start(struct commit *c)
{
    if (c->busy || !c->waiting ||
        c->waiting_count * BATCH_SHARE < c->linking)
        return;
    c->busy = true;
    c->syncing = c->waiting;
    c->waiting = NULL;
    c->waiting_count = 0;
    uv_queue_work(c->loop, &c->work, sync_folder, on_synced);
}

void
commit_expect(struct commit *c)
{
    c->linking++;
}

void
commit_forget(struct commit *c)
{
    c->linking--;
    start(c);
}

void
commit_add(struct commit *c, struct commit_entry *e)
{
    e->next = c->waiting;
    c->waiting = e;
    c->waiting_count++;
    c->linking--;
    start(c);
}
