#include "base/relay.h"

#include <arpa/inet.h>
#include <string.h>

enum { PORT_MAX = 65535 };

bool
relay_isdomain(struct view name)
{
    if (name.len == 0 || name.len > RELAY_DOMAIN_MAX || view_is(name, "."))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];

        if (c <= ' ' || c == 127 || c == '@' ||
            (c == ':' && name.data[0] != '['))
            return false;
    }
    return true;
}

bool
relay_literal(struct view text, struct buf *host)
{
    static const struct view tag = {"IPv6:", 5};
    char in[INET6_ADDRSTRLEN] = "", out[INET6_ADDRSTRLEN];
    unsigned char address[16];
    int family;

    if (text.len >= 2 && text.data[0] == '[' &&
        text.data[text.len - 1] == ']')
        text = view_make(text.data + 1, text.len - 2);
    if (text.len > tag.len &&
        view_equalcase(view_make(text.data, tag.len), tag))
        text = view_from(text, tag.len);
    if (text.len >= sizeof in)
        return false;
    memcpy(in, text.data, text.len);
    family = view_find(text, ':') < text.len ? AF_INET6 : AF_INET;
    if (strlen(in) != text.len || inet_pton(family, in, address) != 1 ||
        !inet_ntop(family, address, out, sizeof out))
        return false;
    buf_print(host, "[%s]", out);
    return true;
}

/* Splits "field:rest" at the first colon outside of brackets; false if there
 * is none, field then being all of it. */
static bool
split(struct view line, struct view *field, struct view *rest)
{
    size_t close = 0, colon;

    line = view_trim(line);
    if (line.len && line.data[0] == '[')
        close = view_find(line, ']');
    colon = close + view_find(view_from(line, close), ':');
    *field = view_trim(view_make(line.data, colon));
    *rest = view_trim(view_from(line, colon + 1));
    return colon < line.len;
}

static bool
is_hostname(struct view name)
{
    if (name.len == 0 || name.len > RELAY_HOST_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
            (c < '0' || c > '9') && c != '-' && c != '.' && c != '_')
            return false;
    }
    return true;
}

struct view
relay_withoutdot(struct view name)
{
    if (name.len && name.data[name.len - 1] == '.')
        name.len--;
    return name;
}

static bool
read_host(struct relay *r, struct view host, struct buf *why)
{
    if (host.len == 0 || relay_literal(host, &r->host))
        return true;
    if (host.data[0] == '[')
        buf_print(why, "'%.*s' is no IP address in brackets", (int)host.len,
                  host.data);
    else if (!is_hostname(relay_withoutdot(host)))
        buf_print(why, "relay '%.*s' is no host name of at most %d bytes and "
                  "no IP address", (int)host.len, host.data, RELAY_HOST_MAX);
    else
        buf_addview(&r->host, relay_withoutdot(host));
    return r->host.len > 0;
}

static bool
read_port(struct relay *r, struct view text, struct buf *why)
{
    uint64_t port = 0;

    if (view_find(text, ':') < text.len || view_find(text, ' ') < text.len) {
        buf_addstr(why, "more than 'domain:relay:port'; an IPv6 address "
                   "stands in brackets, a user and password are not used by "
                   "this version");
        return false;
    }
    if (text.len && (!view_number(text, PORT_MAX, &port) || port == 0)) {
        buf_print(why, "port '%.*s' is no number of 1 to %d", (int)text.len,
                  text.data, PORT_MAX);
        return false;
    }
    r->port = (unsigned)port;
    return true;
}

bool
relay_parse(struct relay *r, struct view line, struct buf *why)
{
    struct view rest, host, port;

    if (!split(line, &r->domain, &rest)) {
        buf_print(why, "no colon in '%.*s'; for all mail by this relay write "
                  "':%.*s'", (int)line.len, line.data, (int)line.len,
                  line.data);
        return false;
    }
    if (r->domain.len && !relay_isdomain(r->domain)) {
        buf_print(why, "'%.*s' is no domain", (int)r->domain.len,
                  r->domain.data);
        return false;
    }
    r->domain = relay_withoutdot(r->domain);
    split(rest, &host, &port);
    return read_port(r, port, why) && read_host(r, host, why);
}

void
relay_free(struct relay *r)
{
    buf_free(&r->host);
    memset(r, 0, sizeof *r);
}
