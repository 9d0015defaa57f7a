#include "queue/scan.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/load.h"
#include "queue/manager.h"

static bool
found(void *data, uint64_t id)
{
    struct takeup *t = data;

    if (t->found_count == t->found_max)
        return false;
    if (t->found_count == t->found_room) {
        t->found_room = t->found_room ? t->found_room * 2 : 256;
        t->found = mem_grow(t->found, t->found_room * sizeof *t->found);
    }
    t->found[t->found_count++] = id;
    return true;
}

static void
scan_work(uv_work_t *w)
{
    struct takeup *t = w->data;
    const struct store *s = &t->manager->store;
    int r;

    t->found_count = 0;
    t->scan_result = store_list(s, PLACE_TODO, found, t, &t->foreign);
    /* Unlike a hint a name may be there before its sync: one that a power cut
     * takes away must not stand in the ledger. */
    if (t->found_count > 0 && (r = store_sync(s, PLACE_TODO)) < 0) {
        t->scan_result = r;
        t->found_count = 0;
    }
}

static int
by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void
on_again(uv_timer_t *timer)
{
    struct takeup *t = timer->data;

    if (t->missed)
        scan_todo(t);
    if (!t->info_busy)
        scan_info(t);
}

/* A folder could not be read: again soon, not at once. */
static void
again(struct takeup *t, const char *folder, int r)
{
    log_event("queue in=%s doing=scan why=%s then=\"again in a minute\"",
              folder, strerror(-r));
    uv_timer_start(&t->again, on_again, LOAD_AGAIN * 1000, 0);
}

static void
on_scanned(uv_work_t *w, int status)
{
    struct takeup *t = w->data;
    int r = status < 0 ? status : t->scan_result;

    t->scanning = false;
    if (r < 0 && !t->manager->stopping)
        again(t, "todo", r);
    if (t->foreign)
        log_event("queue in=todo foreign=%zu why=\"names that are no "
                  "message; left alone\"", t->foreign);
    /* Also what was missed since it began: it may have passed the name. */
    t->missed = t->missed || r < 0 || t->found_count == t->found_max;
    if (t->found_count)
        qsort(t->found, t->found_count, sizeof *t->found, by_id);
    for (size_t i = 0; i < t->found_count; i++)
        if (!idset_has(&t->waiting, t->found[i]))
            takeup_hint(t, t->found[i]);
    free(t->found);
    t->found = NULL;
    t->found_count = t->found_room = 0;
    if (!t->info_busy)
        scan_info(t);
    manager_wake(t->manager);
}

void
scan_todo(struct takeup *t)
{
    if (t->scanning)
        return;
    t->scanning = true;
    t->missed = false;
    t->found_max = FRESH_MAX + t->waiting.count;
    uv_queue_work(t->manager->loop, &t->scan_work, scan_work, on_scanned);
}

/* Some files of info/, looked at in one pool job. */
struct slice {
    uv_work_t work;
    struct takeup *takeup;
    size_t count;
    struct schedule_entry entries[INFO_SLICE];
};

static bool
listed(void *data, uint64_t id)
{
    struct takeup *t = data;

    if (t->info_count % 4096 == 0)
        t->info = mem_grow(t->info, (t->info_count + 4096) * sizeof *t->info);
    t->info[t->info_count++] = id;
    return true;
}

/* Sorted, for a folder comes in no order of the disk's: files made one after
 * another lie side by side, and so do their inodes. */
static void
list_work(uv_work_t *w)
{
    struct takeup *t = w->data;
    size_t foreign;

    t->info_result = store_list(&t->manager->store, PLACE_INFO, listed, t,
                                &foreign);
    if (t->info_count)
        qsort(t->info, t->info_count, sizeof *t->info, by_id);
}

static void
forget(struct takeup *t)
{
    free(t->info);
    t->info = NULL;
    t->info_count = t->info_at = 0;
}

static void
on_listed(uv_work_t *w, int status)
{
    struct takeup *t = w->data;
    int r = status < 0 ? status : t->info_result;

    t->info_busy--;
    t->info_listed = r >= 0;
    if (r < 0) {
        forget(t);
        if (!t->manager->stopping)
            again(t, "info", r);
    } else {
        scan_info(t);
    }
    manager_wake(t->manager);
}

/* When a deferred message is due, of its slot alone; what cannot be read is
 * due now. */
static void
look_at(const struct store *s, struct schedule_entry *e)
{
    unsigned char bytes[SLOT_LEN];
    struct slot slot;
    id_text name;
    int fd;

    if (file_open(&fd, s->dirs[PLACE_INFO], id_print(e->id, name)) == 0 &&
        file_pread(fd, bytes, SLOT_LEN, SLOT_OFFSET) == 0 &&
        slot_parse(&slot, e->id, bytes))
        e->due = slot.hold ? INT64_MAX
                 : slot.next > (uint64_t)time(NULL) + SLOT_AHEAD_MAX
                     ? 0 : (int64_t)slot.next;
    file_close(&fd);
}

static void
slice_work(uv_work_t *w)
{
    struct slice *slice = w->data;

    for (size_t i = 0; i < slice->count; i++)
        look_at(&slice->takeup->manager->store, &slice->entries[i]);
}

static void
on_slice(uv_work_t *w, int status)
{
    struct slice *slice = w->data;
    struct takeup *t = slice->takeup;

    (void)status; /* one that was not looked at is due now */
    t->info_busy--;
    for (size_t i = 0; i < slice->count; i++) {
        struct schedule_entry *e = &slice->entries[i];

        if (e->due == INT64_MAX)
            t->held++;
        else
            schedule_add(&t->schedule, t->asked ? ASKED : (time_t)e->due,
                         e->id);
    }
    free(slice);
    scan_info(t);
    manager_wake(t->manager);
}

static void
next_slice(struct takeup *t)
{
    struct slice *slice = mem_alloc(sizeof *slice);

    slice->work.data = slice;
    slice->takeup = t;
    while (t->info_at < t->info_count && slice->count < INFO_SLICE)
        slice->entries[slice->count++].id = t->info[t->info_at++];
    t->info_busy++;
    uv_queue_work(t->manager->loop, &slice->work, slice_work, on_slice);
}

void
scan_info(struct takeup *t)
{
    if (t->manager->stopping || t->started)
        return;
    if (!t->info_listed) {
        t->info_busy++;
        uv_queue_work(t->manager->loop, &t->info_work, list_work, on_listed);
        return;
    }
    while (t->info_busy < INFO_JOBS && t->info_at < t->info_count)
        next_slice(t);
    if (t->info_busy > 0)
        return;
    /* The list is done; what comes now comes by the schedule.  Sorting took
     * as much memory again as the list, which free alone keeps. */
    forget(t);
    malloc_trim(0);
    t->started = true;
    t->asked = false;
}
