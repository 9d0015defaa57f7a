#include "queue/ending.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/attempt.h"

enum { STOP_MS = 50 * 1000 }; /* less than start waits */

void
ending_init(struct ending *e, struct manager *m)
{
    memset(e, 0, sizeof *e);
    e->manager = m;
    e->deadline.data = e;
    uv_timer_init(m->loop, &e->deadline);
}

static void
end(struct ending *e)
{
    uv_stop(e->manager->loop);
}

static void
on_stop_recorded(struct ledger_wait *w)
{
    struct ending *e = (struct ending *)((char *)w -
                                         offsetof(struct ending, stopped));

    e->phase = ENDING_CHECKPOINT;
    if (!checkpoint_begin(&e->manager->checkpoint))
        end(e);
}

void
ending_step(struct ending *e)
{
    struct manager *m = e->manager;

    if (e->phase != ENDING_WORK || m->active_count ||
        !channel_idle(&m->local) || !channel_idle(&m->remote) ||
        !effects_idle(&m->effects) || !takeup_idle(&m->takeup) ||
        !checkpoint_idle(&m->checkpoint))
        return;
    e->phase = ENDING_RECORD;
    ledger_line(&m->ledger, NULL, "stop");
    ledger_wait(&m->ledger, &e->stopped, on_stop_recorded);
}

void
ending_checkpointed(struct ending *e)
{
    if (e->phase == ENDING_CHECKPOINT)
        end(e);
    else
        ending_step(e);
}

static void
on_deadline(uv_timer_t *t)
{
    struct ending *e = t->data;

    log_event("stop active=%u why=\"not all ended in time; they go on after "
              "the next start\"", e->manager->active_count);
    /* Not exit: a pool thread may be the one that doesn't end. */
    _exit(111);
}

void
ending_begin(struct ending *e)
{
    struct manager *m = e->manager;
    struct message *msg, *tmp;

    if (e->phase != ENDING_NOT)
        return;
    e->phase = ENDING_WORK;
    m->stopping = true;
    uv_timer_start(&e->deadline, on_deadline, STOP_MS, 0);
    channel_stop(&m->local);
    channel_stop(&m->remote);
    message_nobounces(m);
    HASH_ITER(hh, m->active, msg, tmp) {
        message_step(msg);
    }
    ending_step(e);
}
