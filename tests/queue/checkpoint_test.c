/* Files that were written in place: what is remembered of them, and how they
 * are synced. */
#include "queue/checkpoint.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/tap.h"

enum { FEW = 1000, MANY = 100000 };

static struct ledger ledger;
static struct store store;
static unsigned syncs_of_all;

/* In the place of libc's. */
int
syncfs(int fd)
{
    (void)fd;
    syncs_of_all++;
    return 0;
}

static void
remembered(void)
{
    struct checkpoint c;
    bool good = true;

    checkpoint_init(&c, NULL, NULL);
    for (uint64_t id = 1; id <= FEW; id++)
        checkpoint_marked(&c, id);
    for (uint64_t id = 1; id <= FEW; id++)
        good = good && c.marked[id - 1] == id;
    ok(good && c.marked_count == FEW, "a thousand are known by name");
    for (uint64_t id = FEW + 1; id <= MANY; id++)
        checkpoint_marked(&c, id);
    ok(c.marked_count == MANY, "more are counted");
    ok(c.marked_room < 2 * FEW, "and take no memory");
    free(c.marked);
}

static void
begin(struct checkpoint *c, size_t count)
{
    checkpoint_init(c, &ledger, &store);
    for (uint64_t id = 1; id <= count; id++)
        checkpoint_marked(c, id);
    checkpoint_begin(c);
}

/* How many times all were synced for count files. */
static unsigned
synced_at_once(size_t count)
{
    struct checkpoint c;

    syncs_of_all = 0;
    begin(&c, count);
    uv_run(ledger.loop, UV_RUN_DEFAULT);
    return c.failed && c.marked_count == 0 ? syncs_of_all : 99;
}

static void
wait_here(uv_work_t *w)
{
    uv_sem_wait(w->data);
}

static void
waited(uv_work_t *w, int status)
{
    (void)w;
    (void)status;
}

/* The pool's one thread is busy, so the work can be called off. */
static void
called_off(void)
{
    struct checkpoint few, many;
    uv_sem_t go;
    uv_work_t busy = {.data = &go};

    uv_sem_init(&go, 0);
    uv_queue_work(ledger.loop, &busy, wait_here, waited);
    begin(&few, FEW);
    begin(&many, MANY);
    uv_cancel((uv_req_t *)&few.work);
    uv_cancel((uv_req_t *)&many.work);
    uv_sem_post(&go);
    uv_run(ledger.loop, UV_RUN_DEFAULT);
    ok(few.marked_count == FEW && few.marked && few.marked[FEW - 1] == FEW &&
       checkpoint_idle(&few), "what was not synced is left to the next one");
    ok(many.marked_count == MANY && many.marked_room == 0 &&
       checkpoint_idle(&many), "many of them as a number");
    free(few.marked);
    free(many.marked);
    uv_sem_destroy(&go);
}

int
main(void)
{
    setenv("UV_THREADPOOL_SIZE", "1", 1);
    ledger.loop = uv_default_loop();
    ledger.synced = 1;
    /* None of the files is there, and the folder cannot be synced. */
    store.queue = open("/", O_PATH);
    for (int p = 0; p < PLACES; p++)
        store.dirs[p] = store.queue;
    remembered();
    ok(synced_at_once(FEW) == 0, "a thousand are synced one by one");
    ok(synced_at_once(FEW + 1) == 1, "one more, and all are at once");
    called_off();
    uv_loop_close(ledger.loop);
    close(store.queue);
    return tap_end();
}
