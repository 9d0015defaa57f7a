#include "queue/rate.h"

#include <errno.h>

#include "base/relay.h"

#define MINUTE ((uint64_t)60 * 1000 * 1000)

struct rate {
    struct view domain;
    uint64_t gap;
};

static bool
read_line(const char *text, struct rate *r)
{
    struct view line = view_of(text), count;
    size_t colon = view_findlast(line, ':'), slash;
    uint64_t n, unit;

    if (view_find(line, ':') == line.len)
        return false;
    r->domain = view_trim(view_make(line.data, colon));
    count = view_trim(view_from(line, colon + 1));
    slash = view_find(count, '/');
    unit = view_is(view_from(count, slash), "/m")   ? MINUTE
           : view_is(view_from(count, slash), "/h") ? 60 * MINUTE
                                                    : 0;
    if (!unit || (r->domain.len && !relay_isdomain(r->domain)) ||
        !view_number(view_make(count.data, slash), RATE_COUNT_MAX, &n) ||
        n == 0)
        return false;
    r->gap = unit / n ? unit / n : 1;
    r->domain = relay_withoutdot(r->domain);
    return true;
}

int
rate_check(const struct conf_list *list, struct buf *why)
{
    struct rate r;
    int result = 0;

    for (size_t i = 0; i < list->count; i++)
        if (!read_line(list->items[i], &r)) {
            result = -EINVAL;
            buf_print(why, "control/siterate:%u: '%s' is not DOMAIN:COUNT/m "
                      "or DOMAIN:COUNT/h\n", list->lines[i], list->items[i]);
        }
    return result;
}

static bool
fits(struct view pattern, struct view domain)
{
    if (pattern.len == 0)
        return true;
    if (pattern.data[0] != '.')
        return view_equalcase(pattern, domain);
    return domain.len > pattern.len &&
           view_equalcase(view_from(domain, domain.len - pattern.len),
                          pattern);
}

uint64_t
rate_gap(const struct conf_list *list, struct view domain)
{
    struct rate r, best = {.gap = 0};

    for (size_t i = 0; i < list->count; i++)
        if (read_line(list->items[i], &r) && fits(r.domain, domain) &&
            (!best.gap || r.domain.len >= best.domain.len))
            best = r;
    return best.gap;
}
