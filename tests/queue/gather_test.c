#include "queue/gather.h"

#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/queue/spool.h"

enum { MANY = 100, DEADLINE = 60 };

static struct store store;
static struct todo todo;
static struct commit commit;
static struct gather gather;
static uv_loop_t *loop;
static struct envelope_rcpt rcpts[] = {{.address = {"bob@example.org", 15}}};
static struct envelope envelope = {.sender = {"ann@example.org", 15},
                                   .rcpt_count = 1, .rcpts = rcpts};
static struct envelope of_chosen;
static struct incoming in[MANY];
static struct storing list[MANY];
static unsigned done, used;

/* In place of the library's: syncs of the folder wait to be let go, in the
 * order in which they began. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t going = PTHREAD_COND_INITIALIZER;
static unsigned folders, let; /* syncs begun, let go */

static void
wait_turn(void)
{
    unsigned turn;

    pthread_mutex_lock(&lock);
    turn = folders++;
    while (turn >= let)
        pthread_cond_wait(&going, &lock);
    pthread_mutex_unlock(&lock);
}

static unsigned
begun(void)
{
    unsigned n;

    pthread_mutex_lock(&lock);
    n = folders;
    pthread_mutex_unlock(&lock);
    return n;
}

int
fsync(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    if (S_ISDIR(st.st_mode))
        wait_turn();
    return (int)syscall(SYS_fsync, fd);
}

static void
on_done(struct storing *s)
{
    spool_must(s->result == 0, "store");
    done++;
}

/* One more comes. */
static void
come(const struct envelope *e, size_t spilled)
{
    struct incoming *i = &in[used];
    struct storing *s = &list[used++];

    incoming_init(i, &todo);
    incoming_begin(i);
    if (e && e->chosenid)
        i->id = e->chosenid;
    buf_addstr(&i->content, "x");
    if (spilled)
        spool_must(incoming_spill(i) == 0, "spill");
    *s = (struct storing){.in = i, .envelope = e};
    gather_add(&gather, s);
}

/* Turns the loop until the folder's syncs that have begun are n and what was
 * done are so many; that this is all is seen by the loop's next turns. */
static bool
until(unsigned n, unsigned ended)
{
    time_t end = time(NULL) + DEADLINE;

    while ((begun() < n || done < ended) && time(NULL) < end) {
        uv_run(loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 1);
    }
    for (int i = 0; i < 3; i++)
        uv_run(loop, UV_RUN_NOWAIT);
    return begun() == n && done == ended;
}

static void
let_go(unsigned n)
{
    pthread_mutex_lock(&lock);
    let += n;
    pthread_cond_broadcast(&going);
    pthread_mutex_unlock(&lock);
}

static void
afresh(void)
{
    for (unsigned i = 0; i < used; i++) {
        incoming_unlink(&in[i]);
        incoming_free(&in[i]);
    }
    used = done = folders = let = 0;
}

/* How many are being stored in batches. */
static unsigned
stored(void)
{
    unsigned n = 0;

    for (int i = 0; i < BATCHES_MAX; i++)
        n += gather.batches[i].count;
    return n;
}

static void
batches(void)
{
    come(&envelope, 0);
    ok(until(1, 0) && stored() == 1, "who is alone is stored at once");
    come(&envelope, 0);
    come(&envelope, 0);
    come(&envelope, 0);
    ok(until(2, 0) && stored() == 4, "what came in one turn of the loop is "
       "stored together, beside it");
    for (int i = 0; i < 5; i++)
        come(&envelope, 0);
    ok(until(2, 0) && stored() == 4 && gather.small.count == 5,
       "while two batches are stored more gather");
    let_go(2);
    ok(until(3, 4) && stored() == 5, "which are the next batch");
    come(&envelope, 0);
    come(&envelope, 0);
    ok(until(3, 4) && stored() == 5, "who are fewer than those that are being "
       "stored wait");
    let_go(1);
    ok(until(4, 9) && stored() == 2, "until these are");
    let_go(1);
    ok(until(4, 11) && stored() == 0 && gather.small.count == 0,
       "all are told");
    afresh();
}

static void
bounded(void)
{
    come(&envelope, 0);
    until(1, 0);
    for (int i = 0; i < 2 * BATCH_MAX; i++)
        come(&envelope, 0);
    ok(until(2, 0) && stored() == BATCH_MAX + 1 &&
       gather.small.count == BATCH_MAX, "a batch is bounded");
    let_go(3);
    ok(until(3, 2 * BATCH_MAX + 1), "and the rest are the next");
    afresh();
}

static void
large(void)
{
    come(&envelope, 0);
    until(1, 0);
    come(&envelope, 1000);
    ok(until(2, 0) && stored() == 1, "a large one goes beside the small");
    come(&envelope, 1000);
    come(&envelope, 1000);
    come(&envelope, 1000);
    ok(until(3, 0) && gather.larges[1].count == 3, "several go together");
    come(&envelope, 1000);
    come(&envelope, 0);
    ok(until(4, 0) && stored() == 2 && gather.large.count == 1,
       "and no small one waits for them");
    let_go(5);
    ok(until(5, used), "all are told");
    afresh();
}

static void
singles(void)
{
    of_chosen = envelope;
    of_chosen.chosenid = SAMPLE_ID;
    come(&of_chosen, 0);
    ok(until(1, 0) && stored() == 0, "the manager's go by themselves");
    come(NULL, 0);
    ok(until(1, 1) && in[used - 1].written == 1 && in[used - 1].fd >= 0,
       "one of which more is to come is spilled meanwhile");
    for (unsigned i = 1; i <= SINGLES_MAX; i++) {
        of_chosen.chosenid = SAMPLE_ID + i;
        come(&of_chosen, 0);
    }
    ok(until(SINGLES_MAX, 1) && gather.single.count == 1,
       "those beyond their number wait");
    come(&envelope, 0);
    ok(until(1 + SINGLES_MAX, 1) && stored() == 1, "and nobody for them");
    let_go(used - 1);
    ok(until(used - 1, used), "all are told");
    afresh();
}

int
main(void)
{
    setenv("UV_THREADPOOL_SIZE", "8", 1);
    spool_make(&store);
    todo.dir = store.dirs[PLACE_TODO];
    todo.proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    loop = uv_default_loop();
    todo.orders = true; /* nobody waits for another's sync of the folder */
    commit_init(&commit, todo.dir, false, true);
    gather_init(&gather, loop, &commit, on_done);
    batches();
    bounded();
    large();
    singles();
    close(todo.proc);
    store_close(&store);
    return tap_end();
}
