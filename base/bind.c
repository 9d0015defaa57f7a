#include "base/bind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/relay.h"

/* Up to a colon that is not within brackets. */
static struct view
field(struct view *line)
{
    size_t end = 0;
    int depth = 0;
    struct view f;

    for (; end < line->len; end++) {
        depth += line->data[end] == '[';
        depth -= line->data[end] == ']' && depth > 0;
        if (line->data[end] == ':' && depth == 0)
            break;
    }
    f = view_trim(view_make(line->data, end));
    *line = view_from(*line, end + 1);
    return f;
}

static bool
is_printable(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.data[i] <= ' ' || v.data[i] > '~')
            return false;
    return true;
}

static bool
is_sender(struct view v)
{
    size_t at = view_findlast(v, '@');

    if (at == v.len)
        return v.len == 0 || relay_isdomain(v);
    return at > 0 && is_printable(view_make(v.data, at)) &&
           relay_isdomain(view_from(v, at + 1));
}

static bool
take_source(struct bind_row *row, struct view v)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN + 2] = "";
    size_t len = v.len;

    if (len == 0 || len >= sizeof text)
        return false;
    memcpy(text, v.data, len);
    if (text[0] != '[')
        return !row->v4[0] && inet_pton(AF_INET, text, &address) == 1 &&
               inet_ntop(AF_INET, &address, row->v4, sizeof row->v4);
    if (text[len - 1] != ']')
        return false;
    text[len - 1] = 0;
    return !row->v6[0] && inet_pton(AF_INET6, text + 1, &address) == 1 &&
           inet_ntop(AF_INET6, &address, row->v6, sizeof row->v6);
}

static bool
take_sources(struct bind_row *row, struct view v, struct buf *why)
{
    while (v.len) {
        size_t end = view_find(v, ',');
        struct view one = view_trim(view_make(v.data, end));

        v = view_from(v, end + 1);
        if (!take_source(row, one)) {
            buf_print(why, "'%.*s' is no IPv4 address, or IPv6 address in "
                      "brackets, or there are two of a kind", (int)one.len,
                      one.data);
            return false;
        }
    }
    return true;
}

/* The relay in the form of smtproutes, which says what is wrong with it. */
static bool
take_relay(struct bind_row *row, struct view relay, struct view port,
           struct buf *why)
{
    struct buf line = {0};
    struct relay r = {0};
    bool good;

    buf_print(&line, ":%.*s:%.*s", (int)relay.len, relay.data, (int)port.len,
              port.data);
    if ((good = relay_parse(&r, buf_view(&line), why))) {
        snprintf(row->relay, sizeof row->relay, "%s",
                 r.host.len ? r.host.data : "");
        row->port = r.port;
    }
    relay_free(&r);
    buf_free(&line);
    return good;
}

static bool
read_line(struct bind_row *row, struct view line, struct buf *why)
{
    struct view sender = field(&line), sources = field(&line);
    struct view helo = field(&line), relay = field(&line);

    if (!is_sender(sender)) {
        buf_print(why, "'%.*s' is no address and no domain", (int)sender.len,
                  sender.data);
        return false;
    }
    if (helo.len > BIND_HELO_MAX || !is_printable(helo)) {
        buf_print(why, "'%.*s' is no host name", (int)helo.len, helo.data);
        return false;
    }
    row->sender = mem_dup(sender.data, sender.len);
    snprintf(row->helo, sizeof row->helo, "%.*s", (int)helo.len, helo.data);
    return take_sources(row, sources, why) &&
           take_relay(row, relay, view_trim(line), why);
}

int
bind_load(struct binds *b, const struct conf_list *list, struct buf *why)
{
    struct buf words = {0};
    int result = 0;

    b->rows = mem_alloc((list->count + 1) * sizeof *b->rows);
    for (size_t i = 0; i < list->count; i++) {
        buf_clear(&words);
        if (read_line(&b->rows[b->count++], view_of(list->items[i]), &words))
            continue;
        result = -EINVAL;
        buf_print(why, "control/bindroutes:%u: %s\n", list->lines[i],
                  words.data ? words.data : "");
    }
    buf_free(&words);
    if (result < 0)
        bind_free(b);
    return result;
}

static bool
fits(const char *pattern, struct view sender, struct view domain)
{
    struct view p = view_of(pattern);

    if (p.len == 0)
        return true;
    if (view_find(p, '@') < p.len)
        return view_equalcase(p, sender);
    if (p.data[0] != '.')
        return view_equalcase(relay_withoutdot(p), domain);
    return domain.len > p.len &&
           view_equalcase(view_from(domain, domain.len - p.len), p);
}

const struct bind_row *
bind_find(const struct binds *b, struct view sender)
{
    size_t at = view_findlast(sender, '@');
    struct view domain = relay_withoutdot(view_from(sender, at + 1));
    const struct bind_row *best = NULL;

    for (size_t i = 0; i < b->count; i++) {
        const struct bind_row *row = &b->rows[i];

        if (fits(row->sender, sender, domain) &&
            (!best || strlen(row->sender) >= strlen(best->sender)))
            best = row;
    }
    return best;
}

void
bind_route(const struct binds *b, struct view sender, struct route *route)
{
    const struct bind_row *row = bind_find(b, sender);

    if (!row || route->channel != CHANNEL_REMOTE)
        return;
    route->bind = (unsigned)(row - b->rows) + 1;
    if (!row->relay[0] || route->specific)
        return;
    memcpy(route->host, row->relay, sizeof route->host);
    route->port = row->port;
}

void
bind_free(struct binds *b)
{
    for (size_t i = 0; i < b->count; i++)
        free(b->rows[i].sender);
    free(b->rows);
    memset(b, 0, sizeof *b);
}
