#include "queue/chosen.h"

#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/connect.h"
#include "base/frame.h"
#include "queue/listen.h"
#include "queue/submission.h"
#include "tests/queue/spool.h"

enum { OTHER_ID = SAMPLE_ID + 1, DEADLINE = 60 };

static struct store store;
static struct enqueue enqueue;
static bool folder_fails, file_waits; /* set while no pool job runs */
static sem_t waiting, go_on;
static int writes; /* files that were synced */

int
fsync(int fd)
{
    struct stat st;
    bool folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);

    if (folder && folder_fails) {
        errno = EIO;
        return -1;
    }
    writes += !folder;
    if (!folder && file_waits) {
        file_waits = false;
        sem_post(&waiting);
        sem_wait(&go_on);
    }
    return (int)syscall(SYS_fsync, fd);
}

/* The manager asks for a message, of this id if it isn't 0. */
static int
ask(uint64_t id)
{
    struct buf envelope = {0}, frames = {0};
    int fd = connect_unix(spool_path, "door");

    spool_must(fd >= 0, "connect to the door");
    envelope_put(&envelope, TAG_SENDER, view_of(""));
    envelope_put(&envelope, TAG_RCPT, view_of("ann@example.org"));
    if (id)
        envelope_put64(&envelope, TAG_CHOSENID, id);
    frame_put(&frames, 'E', buf_view(&envelope));
    frame_put(&frames, 'D', view_of("Subject: x\n\n"));
    frame_put(&frames, '.', view_of(""));
    spool_must(send(fd, frames.data, frames.len, 0) == (ssize_t)frames.len,
               "send");
    buf_free(&frames);
    buf_free(&envelope);
    return fd;
}

/* Runs the loop until fd has its answer: its kind, 0 if none comes. */
static char
answered(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    time_t end = time(NULL) + DEADLINE;
    char bytes[FRAME_HEAD + 200];
    ssize_t n;

    while (poll(&p, 1, 5) == 0 && time(NULL) < end)
        uv_run(enqueue.loop, UV_RUN_NOWAIT);
    n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    close(fd);
    return n > FRAME_HEAD ? bytes[FRAME_HEAD - 1] : 0;
}

/* Runs the loop until a pool job has come to its file's sync. */
static void
run_to_sync(void)
{
    time_t end = time(NULL) + DEADLINE;

    while (sem_trywait(&waiting) < 0 && time(NULL) < end) {
        uv_run(enqueue.loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 5);
    }
}

static void
run_to_end(void)
{
    time_t end = time(NULL) + DEADLINE;

    while (enqueue.callers && time(NULL) < end) {
        uv_run(enqueue.loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 1);
    }
}

static bool
count(void *data, uint64_t id)
{
    (void)id;
    ++*(unsigned *)data;
    return true;
}

static unsigned
todo_count(void)
{
    unsigned n = 0;
    size_t foreign;

    spool_must(store_list(&store, PLACE_TODO, count, &n, &foreign) == 0,
               "list todo/");
    return n;
}

static bool
there(uint64_t id)
{
    return store_has(&store, PLACE_TODO, id) == 1;
}

static void
once(void)
{
    int slow;

    file_waits = true;
    slow = ask(SAMPLE_ID);
    run_to_sync();
    close(slow); /* that manager is dead */
    ok(answered(ask(SAMPLE_ID)) == 'Z' && !there(SAMPLE_ID),
       "while one with this id is under way another is not begun");
    ok(answered(ask(OTHER_ID)) == 'K' && there(OTHER_ID),
       "one with another id is");
    sem_post(&go_on);
    run_to_end();
    ok(there(SAMPLE_ID), "the slow one ends, though nobody waits for it");
    writes = 0;
    ok(answered(ask(SAMPLE_ID)) == 'K' && writes == 0,
       "who asks then is told so, and nothing is written that could come "
       "late");
    store_unlink(&store, PLACE_TODO, SAMPLE_ID);
    store_unlink(&store, PLACE_TODO, OTHER_ID);
    run_to_end();
}

static void
left(void)
{
    time_t end = time(NULL) + DEADLINE;
    bool came;

    close(ask(SAMPLE_ID));
    do
        uv_run(enqueue.loop, UV_RUN_NOWAIT);
    while (!(came = enqueue.callers != NULL) && time(NULL) < end);
    run_to_end();
    ok(came && !enqueue.callers && !there(SAMPLE_ID),
       "a request whose sender does not wait any more is not begun");
}

static void
unsynced(void)
{
    folder_fails = true;
    ok(answered(ask(SAMPLE_ID)) == 'Z' && there(SAMPLE_ID),
       "after a failed sync of todo/ the manager's name stays: he may have "
       "found it");
    ok(answered(ask(0)) == 'Z' && todo_count() == 1,
       "one that nobody could look for is taken away");
    folder_fails = false;
    ok(answered(ask(SAMPLE_ID)) == 'K' && there(SAMPLE_ID),
       "and he is told to try again");
    run_to_end();
}

int
main(void)
{
    struct jail_user self = {geteuid(), getegid(), {0}, 0};
    int fd, r;

    signal(SIGPIPE, SIG_IGN);
    setenv("UV_THREADPOOL_SIZE", "4", 1);
    spool_make(&store);
    sem_init(&waiting, 0, 0);
    sem_init(&go_on, 0, 0);
    enqueue.loop = uv_default_loop();
    enqueue.queuedir = store.queue;
    enqueue.todo.dir = store.dirs[PLACE_TODO];
    enqueue.todo.proc = open("/proc/self/fd",
                             O_PATH | O_DIRECTORY | O_CLOEXEC);
    enqueue.todo.list = true;
    hint_init(&enqueue.hint, enqueue.loop, enqueue.queuedir);
    commit_init(&enqueue.commit, enqueue.todo.dir, false, false);
    gather_init(&enqueue.gather, enqueue.loop, &enqueue.commit,
                submission_done);
    if ((r = listen_at(&fd, store.queue, "door", &self, 0600)) == 0)
        r = door_listen(&enqueue.manager_door, &enqueue, DOOR_MANAGER, fd);
    errno = -r;
    spool_must(r == 0, "listen");
    once();
    left();
    unsynced();
    door_stop(&enqueue);
    uv_run(enqueue.loop, UV_RUN_DEFAULT);
    store_close(&store);
    return tap_end();
}
