/* What a start finds in info/, some slices at a time. */
#include "queue/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/id.h"
#include "queue/message.h"
#include "tests/queue/takeup_alone.h"
#include "tests/tap.h"

enum { COUNT = (INFO_JOBS + 1) * INFO_SLICE + 10, DAY = 86400 };

static time_t now;
static bool ask; /* once the first slice is there */
static unsigned most_jobs;
static bool unsorted;
static bool sync_fails;
static size_t fresh_at_sync;

int
fsync(int fd)
{
    (void)fd;
    fresh_at_sync = idqueue_count(&m.takeup.fresh);
    errno = EIO;
    return sync_fails ? -1 : 0;
}

void
load_begin(struct takeup *t, uint64_t id, enum load_kind kind, unsigned uid)
{
    (void)t;
    (void)id;
    (void)kind;
    (void)uid;
}

void
manager_wake(struct manager *manager)
{
    struct takeup *t = &manager->takeup;

    if (t->info_busy > most_jobs)
        most_jobs = t->info_busy;
    for (size_t i = 1; i < t->info_count; i++)
        unsorted |= t->info[i - 1] >= t->info[i];
    if (ask && t->schedule.count > 0 && t->schedule.count < COUNT) {
        ask = false;
        takeup_all(t);
    }
}

/* A file with its slot, which is all that is looked at. */
static void
put(int dir, uint64_t id, uint64_t next)
{
    struct slot slot = {.next = next};
    unsigned char bytes[SLOT_LEN];
    id_text name;
    int fd = openat(dir, id_print(id, name), O_WRONLY | O_CREAT | O_EXCL, 0600);

    slot_print(bytes, id, &slot);
    if (fd < 0 || pwrite(fd, bytes, SLOT_LEN, SLOT_OFFSET) != SLOT_LEN)
        abort();
    close(fd);
}

/* Ids due at most at that moment. */
static size_t
due_at(time_t moment)
{
    struct schedule *s = &m.takeup.schedule;
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++)
        n += s->entries[i].due <= moment;
    return n;
}

static void
look(void)
{
    struct takeup *t = &m.takeup;

    schedule_free(&t->schedule);
    t->started = t->info_listed = false;
    scan_info(t);
    while (!t->started || !takeup_idle(t))
        uv_run(m.loop, UV_RUN_ONCE);
}

static void
end_of_scan(void)
{
    struct takeup *t = &m.takeup;

    while (t->scanning || !takeup_idle(t))
        uv_run(m.loop, UV_RUN_ONCE);
}

static void
look_at_todo(void)
{
    struct takeup *t = &m.takeup;

    fresh_at_sync = SIZE_MAX;
    scan_todo(t);
    end_of_scan();
}

int
main(void)
{
    char top[] = "/tmp/godwit-scan.XXXXXX";
    struct takeup *t = &m.takeup;
    id_text name;

    if (!mkdtemp(top))
        return 1;
    ledger_fails = true;
    takeup_ready();
    for (int i = 0; i < PLACES; i++)
        m.store.dirs[i] = open(top, O_RDONLY | O_DIRECTORY);
    now = time(NULL);
    for (uint64_t id = 1; id <= COUNT; id++)
        put(m.store.dirs[PLACE_INFO], id, (uint64_t)now + DAY);

    look();
    ok(t->schedule.count == COUNT && due_at(now) == 0 && t->started,
       "after a start the deferred are due at the moment of their slots");
    ok(most_jobs == INFO_JOBS && !unsorted,
       "some slices of them are looked at side by side, the oldest "
       "messages first");
    ok(t->info == NULL, "the list of them does not stay in memory");
    ask = true;
    look();
    ok(!ask && t->schedule.count == COUNT && due_at(now) == COUNT,
       "all that is asked for meanwhile is all, not what was found by then");
    look();
    ok(due_at(now) == 0, "which is over when the start is");

    idqueue_free(&t->fresh);
    sync_fails = true;
    look_at_todo();
    ok(idqueue_count(&t->fresh) == 0 && t->missed,
       "a name in todo/ that may not last is not taken up, but looked for "
       "again");
    sync_fails = false;
    look_at_todo();
    ok(idqueue_count(&t->fresh) == COUNT && fresh_at_sync == 0 && !t->missed,
       "names are synced before they are taken up");
    scan_todo(t);
    t->missed = true;
    end_of_scan();
    ok(t->missed, "a hint that is lost while the folder is read asks for one "
       "more look");

    for (uint64_t id = 1; id <= COUNT; id++)
        unlinkat(m.store.dirs[PLACE_INFO], id_print(id, name), 0);
    rmdir(top);
    return tap_end();
}
