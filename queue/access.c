#include "queue/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/envelope.h"
#include "base/mem.h"

enum {
    HOURLY_MAX = 1000000000,
    USER_MAX = 255,
};

#define HOUR_US ((uint64_t)3600 * 1000 * 1000)
#define BYTES_MAX ((uint64_t)1 << 40)

struct who {
    uid_t uid;
    bool all;
};

struct access_sender {
    struct who who;
    char *pattern; /* "*", "@domain" or an address */
};

struct access_limit {
    struct who who;
    uint64_t hourly, bytes;
};

/* The moment, in microseconds, when all that uid sent will have been paid
 * for, at an hour's share each; 0: a free place. */
struct access_meter {
    uint64_t paid_us;
    uid_t uid;
};

/* What a line is about, for its fault. */
struct place {
    const char *file;
    unsigned line;
    access_uid_fn *find;
    struct buf *why;
};

static int
fault(const struct place *p, int r, struct view v, const char *text)
{
    buf_print(p->why, "control/%s:%u: '%.*s' %s\n", p->file, p->line,
              (int)(v.len < 200 ? v.len : 200), v.data, text);
    return r;
}

/* 0, -ENOENT for a user who isn't there, -EINVAL. */
static int
read_who(const struct place *p, struct view v, struct who *who)
{
    char name[USER_MAX + 1];
    uint64_t n;

    memset(who, 0, sizeof *who);
    who->all = view_is(v, "*");
    if (who->all)
        return 0;
    if (view_number(v, UINT32_MAX - 1, &n)) {
        who->uid = (uid_t)n;
        return 0;
    }
    if (v.len == 0 || v.len > USER_MAX)
        return fault(p, -EINVAL, v, "is no user");
    memcpy(name, v.data, v.len);
    name[v.len] = 0;
    return p->find(name, &who->uid)
               ? 0 : fault(p, -ENOENT, v, "is no user of this host");
}

static bool
is_pattern(struct view v)
{
    struct view local, domain;
    const char *why;

    if (view_is(v, "*"))
        return true;
    if (v.len > ADDRESS_MAX || addr_unclean(v))
        return false;
    addr_split(v, &local, &domain);
    return domain.len && addr_domain(domain, &why);
}

static int
load_sender(struct access *a, const struct place *p, struct view line)
{
    size_t colon = view_find(line, ':');
    struct view rest = view_from(line, colon + 1);
    struct who who;
    int r;

    if (colon == line.len)
        return fault(p, -EINVAL, line, "is not user:sender,sender");
    r = read_who(p, view_trim(view_make(line.data, colon)), &who);
    do {
        size_t comma = view_find(rest, ',');
        struct view v = view_trim(view_make(rest.data, comma));

        if (!is_pattern(v))
            return fault(p, -EINVAL, v, "is no address, @domain or *");
        rest = view_from(rest, comma + 1);
        if (r < 0)
            continue;
        a->senders = mem_grow(a->senders, (a->sender_count + 1) *
                                              sizeof *a->senders);
        a->senders[a->sender_count++] =
            (struct access_sender){who, mem_dup(v.data, v.len)};
    } while (rest.len);
    return r;
}

static int
load_limit(struct access *a, const struct place *p, struct view line)
{
    size_t colon = view_find(line, ':');
    struct view rest = view_from(line, colon + 1);
    size_t second = view_find(rest, ':');
    struct access_limit limit;
    int r;

    if (second == rest.len)
        return fault(p, -EINVAL, line, "is not user:messages:bytes");
    if (!view_number(view_trim(view_make(rest.data, second)), HOURLY_MAX,
                     &limit.hourly) ||
        !view_number(view_trim(view_from(rest, second + 1)), BYTES_MAX,
                     &limit.bytes))
        return fault(p, -EINVAL, rest, "is not two numbers");
    r = read_who(p, view_trim(view_make(line.data, colon)), &limit.who);
    if (r < 0)
        return r;
    a->limits = mem_grow(a->limits, (a->limit_count + 1) * sizeof *a->limits);
    a->limits[a->limit_count++] = limit;
    return 0;
}

static int
load(struct access *a, const struct conf_list *list, struct place *p,
     int (*line)(struct access *, const struct place *, struct view))
{
    int result = 0;

    for (size_t i = 0; list && i < list->count; i++) {
        p->line = list->lines[i];
        if (line(a, p, view_of(list->items[i])) == -EINVAL)
            result = -EINVAL;
    }
    return result;
}

int
access_load(struct access *a, const struct conf_list *senders,
            const struct conf_list *limits, access_uid_fn *find,
            struct buf *why)
{
    struct place p = {"submitsenders", 0, find, why};
    int result, more;

    a->restricted = senders != NULL;
    result = load(a, senders, &p, load_sender);
    p.file = "submitlimit";
    more = load(a, limits, &p, load_limit);
    if (result == 0)
        result = more;
    if (result < 0)
        access_free(a);
    else if (a->limit_count)
        a->meters = mem_alloc(ACCESS_SETS * ACCESS_WAYS * sizeof *a->meters);
    return result;
}

static bool
matches(struct view pattern, struct view sender)
{
    size_t at = view_findlast(sender, '@');

    if (view_is(pattern, "*"))
        return true;
    if (pattern.data[0] == '@')
        return view_equalcase(pattern, view_from(sender, at));
    return view_equalcase(pattern, sender);
}

bool
access_sender(const struct access *a, uid_t uid, struct view sender)
{
    bool own = false, named = false, others = false;

    if (!a->restricted || sender.len == 0)
        return true;
    for (size_t i = 0; i < a->sender_count; i++) {
        const struct access_sender *s = &a->senders[i];
        bool hit = matches(view_of(s->pattern), sender);

        if (s->who.all) {
            others |= hit;
        } else if (s->who.uid == uid) {
            named = true;
            own |= hit;
        }
    }
    return named ? own : others;
}

/* His own line, else that of all, of two the last; NULL: no limit. */
static const struct access_limit *
limit_of(const struct access *a, uid_t uid)
{
    const struct access_limit *own = NULL, *all = NULL;

    for (size_t i = 0; i < a->limit_count; i++) {
        const struct access_limit *l = &a->limits[i];

        if (l->who.all)
            all = l;
        else if (l->who.uid == uid)
            own = l;
    }
    return own ? own : all;
}

uint64_t
access_bytes(const struct access *a, uid_t uid)
{
    const struct access_limit *l = limit_of(a, uid);

    return l ? l->bytes : 0;
}

/* The place of uid in its set; if it has none, a place that is free or whose
 * uid is the nearest to having paid. */
static struct access_meter *
meter_of(struct access *a, uid_t uid)
{
    size_t set = (uint32_t)(uid * 2654435761u) % ACCESS_SETS;
    struct access_meter *m = a->meters + set * ACCESS_WAYS, *least = m;

    for (size_t i = 0; i < ACCESS_WAYS; i++) {
        if (m[i].paid_us && m[i].uid == uid)
            return &m[i];
        if (m[i].paid_us < least->paid_us)
            least = &m[i];
    }
    least->uid = uid;
    least->paid_us = 0;
    return least;
}

uint64_t
access_count(struct access *a, uid_t uid, uint64_t now_ms)
{
    const struct access_limit *l = limit_of(a, uid);
    uint64_t now_us = now_ms * 1000 + 1; /* 0 is a free place */
    struct access_meter *m;
    uint64_t share, paid;

    if (!l || l->hourly == 0)
        return 0;
    share = HOUR_US / l->hourly;
    m = meter_of(a, uid);
    paid = (m->paid_us > now_us ? m->paid_us : now_us) + share;
    if (paid > now_us + HOUR_US)
        return (paid - now_us - HOUR_US) / 1000 + 1;
    m->paid_us = paid;
    return 0;
}

void
access_free(struct access *a)
{
    for (size_t i = 0; i < a->sender_count; i++)
        free(a->senders[i].pattern);
    free(a->senders);
    free(a->limits);
    free(a->meters);
    memset(a, 0, sizeof *a);
}
