/* What is asked to be loaded, with files and messages that do nothing. */
#include "queue/load.h"

#include <errno.h>
#include <string.h>

#include "base/date.h"
#include "base/id.h"
#include "queue/answers.h"
#include "queue/attempt.h"
#include "queue/manager.h"
#include "queue/scan.h"
#include "tests/tap.h"

enum { HOUR = 3600 * 1000 };

static struct manager m;
static struct state owed = {.state = OWED};
static enum place lies = PLACE_TODO;
static struct message_why got;
static unsigned begun, cancelled;

int
store_load(const struct store *s, enum place place, uint64_t id,
           struct queued *q, const char **why)
{
    (void)s;
    (void)why;
    memset(q, 0, sizeof *q);
    q->fd = -1;
    q->place = place;
    q->id = id;
    q->header.rcpt_count = 1;
    q->states = &owed;
    return place == lies ? 0 : -ENOENT;
}

void
queued_free(struct queued *q)
{
    (void)q;
}

int
store_sync(const struct store *s, enum place place)
{
    (void)s;
    (void)place;
    return 0;
}

const char *
place_name(enum place place)
{
    (void)place;
    return "";
}

uint64_t
answers_id(struct view answers)
{
    (void)answers;
    return 0;
}

void
message_begin(struct manager *manager, struct queued *q,
              const struct message_why *why)
{
    (void)manager;
    (void)q;
    got = *why;
    begun++;
}

void
message_cancel(struct manager *manager, struct queued *q, bool discard,
               unsigned uid)
{
    (void)manager;
    (void)q;
    (void)discard;
    (void)uid;
    cancelled++;
}

void
message_then(struct message *msg, uint64_t id)
{
    (void)msg;
    (void)id;
}

void
manager_wake(struct manager *manager)
{
    (void)manager;
}

bool
ledger_blocked(struct ledger *l)
{
    (void)l;
    return false;
}

void
ledger_line(struct ledger *l, uint64_t *where, const char *fmt, ...)
{
    (void)l;
    (void)where;
    (void)fmt;
}

void
ledger_wait(struct ledger *l, struct ledger_wait *w,
            void (*done)(struct ledger_wait *))
{
    (void)l;
    (void)w;
    (void)done;
}

void
effects_add(struct effects *x, struct effect *e)
{
    (void)x;
    (void)e;
}

void
checkpoint_note(struct checkpoint *c, struct checkpoint_item *item)
{
    (void)c;
    (void)item;
}

void
checkpoint_done(struct checkpoint *c, struct checkpoint_item *item,
                uint64_t seq)
{
    (void)c;
    (void)item;
    (void)seq;
}

void
channel_retry(struct channel *c, time_t lifetime)
{
    (void)c;
    (void)lifetime;
}

void
scan_todo(struct takeup *t)
{
    (void)t;
}

/* Whether it came into memory, by this word. */
static bool
loads(uint64_t id, enum load_kind kind)
{
    begun = 0;
    load_begin(&m.takeup, id, kind, 0);
    load_flush(&m.takeup);
    uv_run(m.loop, UV_RUN_DEFAULT);
    return begun == 1;
}

static void
hints(void)
{
    uint64_t id = id_make(date_now(), 1);

    lies = PLACE_INFO;
    takeup_park(&m.takeup, id);
    ok(!loads(id, LOAD_FRESH) && idset_has(&m.takeup.waiting, id),
       "a hint of what waits at a site, and is in info/, does not forget it");
    ok(loads(id, LOAD_PARKED) && got.again &&
       !idset_has(&m.takeup.waiting, id), "its site takes it up");
    takeup_park(&m.takeup, id);
    ok(loads(id, LOAD_FORCED) && !idset_has(&m.takeup.waiting, id),
       "so does the operator");
    lies = PLACE_TODO;
    ok(loads(id, LOAD_FRESH) && !got.again, "and a hint of what is new");
}

static void
repeats(void)
{
    uint64_t now = date_now();

    m.takeup.began_ms = now - HOUR;
    m.takeup.started = false;
    ok(loads(id_make(now - 1, 1), LOAD_FRESH) && got.repeat,
       "until all was looked at anything may have been tried before");
    m.takeup.started = true;
    ok(loads(id_make(now - 1, 2), LOAD_FRESH) && !got.repeat,
       "then what came after the start was not");
    ok(loads(id_make(now - 2 * HOUR, 3), LOAD_PARKED) && got.repeat,
       "what came before may have been, however long it waited");
    ok(loads(id_make(now + HOUR, 4), LOAD_FRESH) && got.repeat,
       "and what came when the clock was another");
}

static void
cancels(void)
{
    unsigned taken = 0;
    bool refused;

    for (uint64_t id = 1; id <= LOADING_MAX; id++)
        taken += takeup_cancel(&m.takeup, id, false, 0);
    refused = !takeup_cancel(&m.takeup, LOADING_MAX + 1, false, 0);
    ok(taken == LOADING_MAX && refused && m.takeup.lock_count == 0,
       "no more is cancelled at once than is read at once");
    uv_run(m.loop, UV_RUN_DEFAULT);
    ok(cancelled == LOADING_MAX && m.takeup.loading == 0, "those are");
    ok(takeup_cancel(&m.takeup, LOADING_MAX + 1, false, 0), "then others can");
    uv_run(m.loop, UV_RUN_DEFAULT);
}

int
main(void)
{
    m.loop = uv_default_loop();
    m.takeup.manager = &m;
    hints();
    repeats();
    cancels();
    return tap_end();
}
