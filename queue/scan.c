#include "queue/scan.h"

#include <errno.h>
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
    t->missed = r < 0 || t->found_count == t->found_max;
    if (t->found_count)
        qsort(t->found, t->found_count, sizeof *t->found, by_id);
    for (size_t i = 0; i < t->found_count; i++)
        if (!idset_has(&t->waiting, t->found[i]))
            takeup_hint(t, t->found[i]);
    free(t->found);
    t->found = NULL;
    t->found_count = t->found_room = 0;
    if (!t->info_busy && !t->info)
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

static bool
listed(void *data, uint64_t id)
{
    struct takeup *t = data;

    if (t->info_count % 4096 == 0)
        t->info = mem_grow(t->info, (t->info_count + 4096) * sizeof *t->info);
    t->info[t->info_count++] = id;
    return true;
}

/* When a deferred message is due, of its slot alone. */
static struct schedule_entry
look_at(const struct store *s, uint64_t id)
{
    struct schedule_entry e = {.due = 0, .id = id};
    unsigned char bytes[SLOT_LEN];
    struct slot slot;
    id_text name;
    int fd;

    if (file_open(&fd, s->dirs[PLACE_INFO], id_print(id, name)) == 0 &&
        file_pread(fd, bytes, SLOT_LEN, SLOT_OFFSET) == 0 &&
        slot_parse(&slot, id, bytes))
        e.due = slot.hold ? INT64_MAX
                : slot.next > (uint64_t)time(NULL) + SLOT_AHEAD_MAX
                    ? 0 : (int64_t)slot.next;
    file_close(&fd);
    return e;
}

static void
info_work(uv_work_t *w)
{
    struct takeup *t = w->data;
    const struct store *s = &t->manager->store;
    size_t foreign;

    if (!t->info) {
        t->info_result = store_list(s, PLACE_INFO, listed, t, &foreign);
        if (t->info_result == 0 && !t->info)
            t->info = mem_alloc(sizeof *t->info);
        return;
    }
    t->info_slice_count = 0;
    while (t->info_at < t->info_count && t->info_slice_count < INFO_SLICE)
        t->info_slice[t->info_slice_count++] =
            look_at(s, t->info[t->info_at++]);
}

static void
on_info(uv_work_t *w, int status)
{
    struct takeup *t = w->data;

    t->info_busy = false;
    if (status < 0)
        t->info_result = status;
    if (t->info_result < 0) {
        free(t->info);
        t->info = NULL;
        t->info_count = t->info_at = 0;
        if (!t->manager->stopping)
            again(t, "info", t->info_result);
        t->info_result = 0;
        manager_wake(t->manager);
        return;
    }
    for (size_t i = 0; i < t->info_slice_count; i++) {
        if (t->info_slice[i].due == INT64_MAX)
            t->held++;
        else
            schedule_add(&t->schedule,
                         t->asked ? ASKED : (time_t)t->info_slice[i].due,
                         t->info_slice[i].id);
    }
    t->info_slice_count = 0;
    scan_info(t);
    manager_wake(t->manager);
}

void
scan_info(struct takeup *t)
{
    if (t->manager->stopping)
        return;
    if (t->info && t->info_at >= t->info_count) {
        if (t->info_slice) {
            /* The list is done; what comes now comes by the schedule. */
            free(t->info_slice);
            t->info_slice = NULL;
            t->info = mem_grow(t->info, sizeof *t->info);
            t->info_count = t->info_at = 0;
            t->started = true;
            t->asked = false;
        }
        return;
    }
    if (!t->info_slice)
        t->info_slice = mem_alloc(INFO_SLICE * sizeof *t->info_slice);
    t->info_busy = true;
    uv_queue_work(t->manager->loop, &t->info_work, info_work, on_info);
}
