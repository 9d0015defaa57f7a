#include "queue/commit.h"

#include <stdint.h>
#include <sys/syscall.h>

#include "tests/queue/spool.h"

static struct store store;
static struct todo todo;
static uv_loop_t loop;
static struct commit commit;
static unsigned told; /* entries that synced() was called with */
static bool sync_fails;

int
fsync(int fd)
{
    if (!sync_fails)
        return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}

struct one {
    struct commit_entry entry;
    struct incoming incoming;
    int result;
    unsigned done;
};

static void
on_synced(struct commit *c, const struct commit_entry *first)
{
    (void)c;
    for (; first; first = first->next)
        told++;
}

static void
on_done(struct commit_entry *e, int r)
{
    struct one *o = (struct one *)e;

    o->result = r;
    o->done++;
}

/* Its name is in todo/. */
static void
one_make(struct one *o, uint64_t id)
{
    id_text name;

    memset(o, 0, sizeof *o);
    o->incoming.todo = &todo;
    o->incoming.id = id;
    o->incoming.fd = -1;
    o->entry.incoming = &o->incoming;
    o->entry.done = on_done;
    spool_put(todo.dir, id_print(id, name), view_of("x"));
    commit_expect(&commit);
}

static void
alone(void)
{
    struct one o;

    one_make(&o, 1);
    ok(o.done == 0, "nothing is answered before the sync");
    commit_add(&commit, &o.entry);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(o.done == 1 && o.result == 0 && commit.syncs == 1 && told == 1,
       "a message alone waits for nobody");
}

static void
together(void)
{
    struct one all[32];
    unsigned done = 0;

    told = 0;
    commit.syncs = 0;
    for (unsigned i = 0; i < 32; i++)
        one_make(&all[i], 100 + i);
    for (unsigned i = 0; i < 6; i++)
        commit_add(&commit, &all[i].entry);
    ok(!commit.busy, "while many more are written a few wait for them");
    for (unsigned i = 6; i < 32; i++)
        commit_add(&commit, &all[i].entry);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (unsigned i = 0; i < 32; i++)
        done += all[i].done == 1 && all[i].result == 0;
    ok(done == 32 && told == 32, "all are answered, each once");
    ok(commit.syncs <= 2, "by two syncs of the folder at most");
}

/* Those that were waited for never came. */
static void
forgotten(void)
{
    struct one a, others[7];

    one_make(&a, 200);
    for (unsigned i = 0; i < 7; i++)
        one_make(&others[i], 300 + i);
    commit_add(&commit, &a.entry);
    ok(!commit.busy, "one of eight waits");
    for (unsigned i = 0; i < 7; i++)
        commit_forget(&commit);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(a.done == 1 && a.result == 0, "but not for those that will not come");
}

static void
failure(void)
{
    struct one fresh, old;

    told = 0;
    one_make(&fresh, 400);
    one_make(&old, 401);
    old.entry.keep = true;
    sync_fails = true;
    commit_add(&commit, &fresh.entry);
    commit_add(&commit, &old.entry);
    uv_run(&loop, UV_RUN_DEFAULT);
    sync_fails = false;
    ok(fresh.done == 1 && fresh.result == -EIO && old.done == 1 &&
       old.result == -EIO, "a failed sync is told to all that waited");
    ok(told == 0, "and nobody is told of new mail");
    ok(store_has(&store, PLACE_TODO, 400) == 0,
       "a name that was given for it is taken away again");
    ok(store_has(&store, PLACE_TODO, 401) == 1, "one that was there before "
       "is not");
}

int
main(void)
{
    spool_make(&store);
    todo.dir = store.dirs[PLACE_TODO];
    todo.list = true;
    uv_loop_init(&loop);
    commit_init(&commit, &loop, &todo, on_synced);
    alone();
    together();
    forgotten();
    failure();
    uv_loop_close(&loop);
    store_close(&store);
    return tap_end();
}
