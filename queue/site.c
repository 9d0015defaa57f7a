#include "queue/site.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/id.h"
#include "base/mem.h"
#include "queue/manager.h"

struct site *
site_of(struct channel *c, const struct route *route)
{
    struct site *s;

    HASH_FIND_STR(c->sites, route->site, s);
    if (s && (s->route.port != route->port ||
              strcmp(s->route.host, route->host) != 0)) {
        /* The settings have another way there now. */
        s->route = *route;
        s->rest_until = 0;
    }
    if (s)
        return s;
    s = mem_alloc(sizeof *s);
    s->channel = c;
    s->route = *route;
    s->window = WINDOW_START < c->window_max ? WINDOW_START : c->window_max;
    HASH_ADD_STR(c->sites, route.site, s);
    return s;
}

bool
site_resting(const struct site *s)
{
    return s->rest_until > uv_now(s->channel->manager->loop);
}

/* After a failure the window alone, until somebody gets through. */
static unsigned
room(const struct site *s)
{
    unsigned most = s->failures ? s->window : SITE_WAITING_MAX;
    unsigned taken = s->waiting + (s->failures ? s->open : 0);

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
    if (s->failures)
        return room(s);
    if (s->waiting > SITE_WAITING_MAX / 2)
        return 0;
    return s->waiting || s->open ? 2 : SITE_WAITING_MAX / 2;
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
site_learn(struct site *s, const struct report *r)
{
    if (r->flags & REPORT_SITE_DOWN) {
        s->window = s->window > 1 ? s->window / 2 : 1;
        begin_rest(s, r->outcome.text);
        channel_giveback(s);
    } else if (r->outcome.verdict == DONE) {
        s->failures = 0;
        s->rest_until = 0;
        if (s->window < s->channel->window_max)
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
site_lifetime(struct site *s, time_t lifetime)
{
    struct schedule old = s->parked;

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
        s->parked.count)
        return;
    HASH_DEL(s->channel->sites, s);
    schedule_free(&s->parked);
    free(s->why);
    free(s);
}
