#include "queue/hint.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

static void
pull(struct hint *h)
{
    unsigned count = h->count;

    h->count = 0;
    if (h->trigger < 0)
        h->trigger = openat(h->queuedir, "trigger",
                            O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (h->trigger < 0) {
        /* A manager that starts looks at the folder itself. */
        h->lost = h->lost || errno != ENXIO;
        return;
    }
    if (write(h->trigger, h->ids, count * sizeof *h->ids) >= 0)
        return;
    h->lost = true;
    if (errno == EPIPE)
        file_close(&h->trigger);
}

static void
add(struct hint *h, uint64_t id)
{
    if (h->count == HINT_MAX)
        pull(h);
    put_u64(&h->ids[h->count++], id);
}

static void
on_after(uv_check_t *after)
{
    pull(after->data);
    uv_check_stop(after);
}

void
hint_init(struct hint *h, uv_loop_t *loop, int queuedir)
{
    h->queuedir = queuedir;
    h->trigger = -1;
    h->after.data = h;
    uv_check_init(loop, &h->after);
    uv_unref((uv_handle_t *)&h->after);
}

void
hint_look(struct hint *h)
{
    add(h, 0);
    pull(h);
}

void
hint_add(struct hint *h, uint64_t id)
{
    if (h->count == 0) {
        uv_check_start(&h->after, on_after);
        if (h->lost) {
            h->lost = false;
            add(h, 0);
        }
    }
    add(h, id);
}
