/* takeup_alone.h - a takeup, and what it calls of others, doing nothing */
#ifndef TESTS_QUEUE_TAKEUP_ALONE_H
#define TESTS_QUEUE_TAKEUP_ALONE_H

#include "base/mem.h"
#include "queue/load.h"
#include "queue/manager.h"

static struct manager m;
static bool ledger_fails;

void
load_flush(struct takeup *t)
{
    (void)t;
}

void
channel_retry(struct channel *c, time_t lifetime)
{
    (void)c;
    (void)lifetime;
}

bool
ledger_blocked(struct ledger *l)
{
    (void)l;
    return ledger_fails;
}

/* As takeup_init does, but for the trigger and the first scans. */
static void
takeup_ready(void)
{
    struct takeup *t = &m.takeup;

    m.loop = uv_default_loop();
    m.active_max = ACTIVE_MAX;
    t->manager = &m;
    t->scan_work.data = t->info_work.data = t;
    uv_timer_init(m.loop, &t->due);
    uv_timer_init(m.loop, &t->again);
    t->due.data = t->again.data = t;
}

#endif
