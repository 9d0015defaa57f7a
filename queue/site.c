#include "queue/site.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/id.h"
#include "base/mem.h"
#include "queue/manager.h"
#include "queue/rate.h"

static void
set_rate(struct site *s)
{
    if (s->channel->kind == CHANNEL_REMOTE)
        s->gap_us = rate_gap(&s->channel->manager->settings.siterate,
                             view_of(s->name));
}

bool
site_paced(const struct site *s)
{
    return s->gap_us && uv_hrtime() / 1000 < s->next_us;
}

/* What was not used within a second is lost: no bursts, but nothing is lost
 * to the second between two looks either. */
void
site_paced_one(struct site *s)
{
    uint64_t now = uv_hrtime() / 1000, second = 1000 * 1000;

    if (s->next_us + second < now)
        s->next_us = now - (s->gap_us < second ? second : 0);
    s->next_us += s->gap_us;
}

struct site *
site_of(struct channel *c, const struct route *route)
{
    struct buf key = {0};
    struct site *s;

    buf_addstr(&key, route->site);
    if (route->bind)
        buf_print(&key, " %u", route->bind);
    HASH_FIND(hh, c->sites, key.data, key.len, s);
    if (s && (s->port != route->port || strcmp(s->host, route->host) != 0)) {
        /* The settings have another way there now. */
        free(s->host);
        s->host = mem_string(route->host);
        s->port = route->port;
        s->rest_until = 0;
    }
    if (s) {
        buf_free(&key);
        return s;
    }
    s = mem_alloc(sizeof *s);
    s->key = mem_dup(key.data, key.len);
    s->channel = c;
    s->name = mem_string(route->site);
    s->host = mem_string(route->host);
    s->port = route->port;
    s->window = WINDOW_START < c->window_max ? WINDOW_START : c->window_max;
    set_rate(s);
    HASH_ADD_KEYPTR(hh, c->sites, s->key, key.len, s);
    buf_free(&key);
    return s;
}

bool
site_resting(const struct site *s)
{
    return s->rest_until > uv_now(s->channel->manager->loop);
}

/* What of it may wait in memory. */
static unsigned
share(const struct site *s)
{
    return s->channel->manager->active_max / SITE_SHARE;
}

static unsigned
paced_room(const struct site *s)
{
    uint64_t n = SITE_PACED_S * 1000000ul / s->gap_us + 2;

    return n < share(s) ? (unsigned)n : share(s);
}

static bool
in_doubt(const struct site *s)
{
    return s->failures || s->slow;
}

/* After a failure the window alone, until somebody gets through. */
static unsigned
room(const struct site *s)
{
    unsigned most = in_doubt(s) ? s->window
                    : s->gap_us ? paced_room(s)
                                : share(s);
    unsigned taken = s->waiting + (in_doubt(s) ? s->open : 0);

    return taken < most ? most - taken : 0;
}

bool
site_crowded(const struct site *s)
{
    return room(s) == 0;
}

void
site_outcome(const struct site *s, struct outcome *o)
{
    if (s->gap_us && !site_resting(s))
        outcome_set(o, LATER, "4.4.5", "more mail waits for the site than it "
                    "is sent (siterate)");
    else
        outcome_set(o, LATER, "4.4.1", "the site could not be reached: %s",
                    s->why ? s->why : "it rests");
}

void
site_park(struct site *s, uint64_t id, time_t until)
{
    if (takeup_park(&s->channel->manager->takeup, id)) {
        schedule_add(&s->parked, until, id);
        s->channel->parked++;
    }
}

static void
take_up(struct site *s, uint64_t id)
{
    s->channel->parked--;
    takeup_unpark(&s->channel->manager->takeup, id);
}

/* How many of those that wait outside come in.  Two for each that leaves keep
 * the line half full; many at once would be read, find no room, and be read
 * again.  A line that has run out fills at once. */
static unsigned
places(const struct site *s)
{
    if (site_resting(s))
        return 0;
    if (in_doubt(s) || s->gap_us)
        return room(s);
    if (s->waiting > share(s) / 2)
        return 0;
    return s->waiting || s->open ? 2 : share(s) / 2;
}

/* Those that are too old come in any case. */
void
site_unpark(struct site *s)
{
    time_t now = time(NULL);
    uint64_t id;

    while (schedule_take(&s->parked, now, &id))
        take_up(s, id);
    for (unsigned n = places(s); n > 0 && schedule_pop(&s->parked, &id); n--)
        take_up(s, id);
}

/* Those that failed together count as one failure. */
static void
begin_rest(struct site *s, const char *why)
{
    struct manager *m = s->channel->manager;
    unsigned doubled = s->failures < SITE_REST_DOUBLED ? s->failures
                                                       : SITE_REST_DOUBLED;
    uint64_t rests = 1ul << doubled;

    if (rests > SITE_RESTS_MAX)
        rests = SITE_RESTS_MAX;
    if (site_resting(s))
        return;
    s->failures++;
    s->rest_until = uv_now(m->loop) + rests * m->settings.siterest * 1000;
    free(s->why);
    s->why = mem_string(why);
}

void
site_narrow(struct site *s)
{
    s->window = s->window > 1 ? s->window / 2 : 1;
}

void
site_learn(struct site *s, const struct report *r, uint64_t ms)
{
    const struct channel *c = s->channel;

    if (r->flags & REPORT_SITE_DOWN) {
        site_narrow(s);
        begin_rest(s, r->outcome.text);
        channel_giveback(s);
    } else if (r->outcome.verdict == DONE) {
        s->failures = 0;
        s->rest_until = 0;
        if (s->window < (ms < QUICK_MS ? c->window_quick : c->window_max))
            s->window++;
    }
}

void
site_wake(struct site *s)
{
    s->rest_until = 0;
    site_unpark(s);
}

void
site_reload(struct site *s, time_t lifetime)
{
    struct schedule old = s->parked;

    set_rate(s);
    if (s->window > s->channel->window_quick)
        s->window = s->channel->window_quick;
    memset(&s->parked, 0, sizeof s->parked);
    for (size_t i = 0; i < old.count; i++) {
        const struct schedule_entry *e = &old.entries[i];
        time_t end = (time_t)(id_ms(e->id) / 1000) + lifetime + 1;

        schedule_add(&s->parked, e->due < end ? (time_t)e->due : end, e->id);
    }
    schedule_free(&old);
}

void
site_release(struct site *s)
{
    if (s->waiting || s->open || s->in_round || s->failures ||
        s->parked.count || site_paced(s))
        return;
    HASH_DEL(s->channel->sites, s);
    schedule_free(&s->parked);
    free(s->why);
    free(s->name);
    free(s->host);
    free(s->key);
    free(s);
}
