#include "base/route.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/relay.h"

enum row_kind { ROW_FREE, ROW_LOCAL, ROW_RELAY };

/* Rows of the two lists share one table of open addressing; name and host
 * are positions in the text. */
struct route_row {
    uint32_t hash;
    uint32_t name;
    uint32_t host;
    uint16_t name_len;
    uint16_t host_len;
    uint16_t port;
    uint8_t kind;
};

static char
small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* FNV-1a from the last byte to the first: on its way through a domain it
 * meets the hash of every suffix. */
static uint32_t
hash_start(enum row_kind kind)
{
    return 2166136261u ^ (uint32_t)kind;
}

static uint32_t
hash_step(uint32_t hash, char c)
{
    return (hash ^ (unsigned char)small(c)) * 16777619u;
}

static struct route_row *
lookup(const struct routes *r, uint32_t hash, enum row_kind kind,
       struct view name)
{
    size_t i = hash & (r->room - 1);

    if (r->room == 0)
        return NULL;
    for (; r->rows[i].kind != ROW_FREE; i = (i + 1) & (r->room - 1)) {
        struct route_row *row = &r->rows[i];

        if (row->hash == hash && row->kind == kind &&
            view_equalcase(view_make(r->text.data + row->name, row->name_len),
                           name))
            return row;
    }
    return NULL;
}

static void
place(struct route_row *rows, size_t room, const struct route_row *row)
{
    size_t i = row->hash & (room - 1);

    while (rows[i].kind != ROW_FREE)
        i = (i + 1) & (room - 1);
    rows[i] = *row;
}

/* At most half of the table is full. */
static void
grow(struct routes *r)
{
    size_t room = r->room ? r->room * 2 : 16;
    struct route_row *rows = mem_alloc(room * sizeof *rows);

    for (size_t i = 0; i < r->room; i++)
        if (r->rows[i].kind != ROW_FREE)
            place(rows, room, &r->rows[i]);
    free(r->rows);
    r->rows = rows;
    r->room = room;
}

static void
add(struct routes *r, enum row_kind kind, struct view name, struct view host,
    unsigned port)
{
    struct route_row row = {.kind = (uint8_t)kind, .port = (uint16_t)port};
    struct route_row *old;

    row.hash = hash_start(kind);
    for (size_t i = name.len; i > 0; i--)
        row.hash = hash_step(row.hash, name.data[i - 1]);
    row.name = (uint32_t)r->text.len;
    row.name_len = (uint16_t)name.len;
    buf_addview(&r->text, name);
    row.host = (uint32_t)r->text.len;
    row.host_len = (uint16_t)host.len;
    buf_addview(&r->text, host);
    if ((old = lookup(r, row.hash, kind, name))) {
        *old = row;
        return;
    }
    if (r->count * 2 >= r->room)
        grow(r);
    place(r->rows, r->room, &row);
    r->count++;
}

static bool
load_relay(struct routes *r, struct view line, struct buf *why)
{
    struct relay relay = {0};
    bool good = relay_parse(&relay, line, why);

    if (good)
        add(r, ROW_RELAY, relay.domain, buf_view(&relay.host), relay.port);
    relay_free(&relay);
    return good;
}

static bool
load_local(struct routes *r, struct view line, struct buf *why)
{
    if (relay_isdomain(line)) {
        add(r, ROW_LOCAL, relay_withoutdot(line), view_of(""), 0);
        return true;
    }
    buf_print(why, "'%.*s' is no domain", (int)line.len, line.data);
    if (view_find(line, '@') < line.len || view_find(line, ':') < line.len)
        buf_addstr(why, "; one line is one domain, users and "
                   "'domain:user' belong elsewhere");
    return false;
}

static int
load(struct routes *r, const struct conf_list *list, const char *name,
     bool (*line)(struct routes *, struct view, struct buf *),
     struct buf *why)
{
    struct buf words = {0};
    int result = 0;

    for (size_t i = 0; i < list->count; i++) {
        buf_clear(&words);
        if (line(r, view_of(list->items[i]), &words))
            continue;
        result = -EINVAL;
        buf_print(why, "control/%s:%u: %s\n", name, list->lines[i],
                  words.data);
    }
    buf_free(&words);
    return result;
}

int
route_load(struct routes *r, const struct conf_list *locals,
           const struct conf_list *smtproutes, const char *me,
           struct buf *why)
{
    char *names[] = {(char *)me};
    unsigned lines[] = {1};
    const struct conf_list only_me = {names, lines, 1};
    int result, more = 0;

    result = locals ? load(r, locals, "locals", load_local, why)
                    : load(r, &only_me, "me", load_local, why);
    if (smtproutes)
        more = load(r, smtproutes, "smtproutes", load_relay, why);
    if (more < 0)
        result = more;
    if (result < 0)
        route_free(r);
    return result;
}

static bool
is_local(const struct routes *r, struct view domain)
{
    uint32_t hash = hash_start(ROW_LOCAL);

    for (size_t i = domain.len; i > 0; i--)
        hash = hash_step(hash, domain.data[i - 1]);
    return lookup(r, hash, ROW_LOCAL, domain) != NULL;
}

/* The row of the longest match: the domain itself, or from a dot on. */
static const struct route_row *
find_relay(const struct routes *r, struct view domain)
{
    uint32_t hash = hash_start(ROW_RELAY);
    const struct route_row *best, *row;

    best = lookup(r, hash, ROW_RELAY, view_of(""));
    for (size_t i = domain.len; i > 0; i--) {
        hash = hash_step(hash, domain.data[i - 1]);
        if (domain.data[i - 1] != '.' && i > 1)
            continue;
        row = lookup(r, hash, ROW_RELAY, view_from(domain, i - 1));
        if (row)
            best = row;
    }
    return best;
}

static void
set_site(struct route *out, struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        out->site[i] = small(v.data[i]);
    out->site[v.len] = 0;
}

/* host as far as it fits; what doesn't fit is no host anyway. */
static void
set_host(struct route *out, struct view v)
{
    if (v.len > ROUTE_HOST_MAX)
        v.len = ROUTE_HOST_MAX;
    memcpy(out->host, v.data, v.len);
    out->host[v.len] = 0;
}

/* An address literal is its own host, in the same form as a relay's.  One
 * that is no IP address is left to the deliverer, who will refuse it. */
static void
set_literal(struct route *out, struct view domain)
{
    struct buf host = {0};

    set_host(out, relay_literal(domain, &host) ? buf_view(&host) : domain);
    buf_free(&host);
}

void
route_find(const struct routes *r, struct view address, struct route *out)
{
    struct view domain = view_from(address, view_findlast(address, '@') + 1);
    const struct route_row *row;

    assert(address.len <= ADDRESS_MAX);
    domain = relay_withoutdot(domain);
    out->port = 0;
    out->host[0] = 0;
    out->specific = false;
    out->bind = 0;
    if (domain.len == 0 || is_local(r, domain)) {
        out->channel = CHANNEL_LOCAL;
        set_site(out, address);
        return;
    }
    out->channel = CHANNEL_REMOTE;
    set_site(out, domain);
    if ((row = find_relay(r, domain))) {
        set_host(out, view_make(r->text.data + row->host, row->host_len));
        out->port = row->port;
        out->specific = row->name_len > 0;
    }
    if (domain.data[0] == '[' && out->host[0] == 0) {
        set_literal(out, domain);
        out->specific = true;
    }
}

void
route_free(struct routes *r)
{
    buf_free(&r->text);
    free(r->rows);
    memset(r, 0, sizeof *r);
}
