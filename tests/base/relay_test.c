#include "base/relay.h"

#include "tests/tap.h"

static void
good_lines(void)
{
    static const struct {
        const char *line, *domain, *host;
        unsigned port;
        const char *name;
    } rows[] = {
        {"example.org:mx.example.net:2525", "example.org", "mx.example.net",
         2525, "domain, relay and port"},
        {"example.org:mx.example.net", "example.org", "mx.example.net", 0,
         "the port may be left out"},
        {"example.org:mx.example.net:", "example.org", "mx.example.net", 0,
         "or be empty"},
        {".example.org:mx.example.net", ".example.org", "mx.example.net", 0,
         "a suffix"},
        {":mx.example.net:587", "", "mx.example.net", 587,
         "all the rest"},
        {"example.org:", "example.org", "", 0, "an empty relay means MX"},
        {"example.org::26", "example.org", "", 26,
         "MX hosts on another port"},
        {"example.org.:mx.example.net.:25", "example.org", "mx.example.net",
         25, "dots at the end do not count"},
        {" example.org :\tmx.example.net : 25 ", "example.org",
         "mx.example.net", 25, "blanks around the fields do not count"},
        {":192.0.2.1", "", "[192.0.2.1]", 0, "a bare IPv4 address"},
        {":[192.0.2.1]:26", "", "[192.0.2.1]", 26,
         "an IPv4 address in brackets"},
        {":[2001:DB8:0:0::1]:26", "", "[2001:db8::1]", 26,
         "an IPv6 address in brackets"},
        {":[::1]", "", "[::1]", 0, "an IPv6 address without a port"},
        {":[IPv6:::1]", "", "[::1]", 0,
         "an IPv6 address as RFC 5321 4.1.3 writes it"},
        {"[192.0.2.7]:mx_1.example.net", "[192.0.2.7]", "mx_1.example.net", 0,
         "an address literal as the domain"},
        {"[IPv6:::7]:[::8]:26", "[IPv6:::7]", "[::8]", 26,
         "an IPv6 literal as the domain"},
        {"b\xc3\xbc" "cher.example:mx.example.net", "b\xc3\xbc" "cher.example",
         "mx.example.net", 0, "a domain in UTF-8 (RFC 6531)"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct relay r = {0};
        struct buf why = {0};
        bool good = relay_parse(&r, view_of(rows[i].line), &why);

        ok(good && view_is(r.domain, rows[i].domain) &&
               view_is(buf_view(&r.host), rows[i].host) &&
               r.port == rows[i].port && why.len == 0,
           "%s: '%s'", rows[i].name, rows[i].line);
        relay_free(&r);
        buf_free(&why);
    }
}

static void
bad_lines(void)
{
    static const struct {
        const char *line, *why;
    } rows[] = {
        {"mx.example.net", "no colon in 'mx.example.net'; for all mail by "
         "this relay write ':mx.example.net'"},
        {"a:b:x", "port 'x' is no number of 1 to 65535"},
        {"a:b:0", "port '0' is no number of 1 to 65535"},
        {"a:b:65536", "port '65536' is no number of 1 to 65535"},
        {"a:b:-25", "port '-25' is no number of 1 to 65535"},
        {"a:b:99999999999999999999999",
         "port '99999999999999999999999' is no number of 1 to 65535"},
        {"a@b:c", "'a@b' is no domain"},
        {".:c", "'.' is no domain"},
        {"a b:c", "'a b' is no domain"},
        {"a:[b]", "'[b]' is no IP address in brackets"},
        {"a:[", "'[' is no IP address in brackets"},
        {"a:[]", "'[]' is no IP address in brackets"},
        {"a:[192.0.2.11", "'[192.0.2.11' is no IP address in brackets"},
        {"a:[192.0.2.256]", "'[192.0.2.256]' is no IP address in brackets"},
        {"a:m/x", "relay 'm/x' is no host name of at most 255 bytes and no "
         "IP address"},
        {"a:.", "relay '.' is no host name of at most 255 bytes and no IP "
         "address"},
        {"a:b user pass", "relay 'b user pass' is no host name of at most "
         "255 bytes and no IP address"},
        {"a:2001:db8::1", "more than 'domain:relay:port'; an IPv6 address "
         "stands in brackets, a user and password are not used by this "
         "version"},
        {"a:b:25 user pass", "more than 'domain:relay:port'; an IPv6 address "
         "stands in brackets, a user and password are not used by this "
         "version"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct relay r = {0};
        struct buf why = {0};

        ok(!relay_parse(&r, view_of(rows[i].line), &why), "'%s' is refused",
           rows[i].line);
        same(why.data, rows[i].why, "and the words say why");
        relay_free(&r);
        buf_free(&why);
    }
}

static void
long_lines(void)
{
    struct buf line = {0}, why = {0};
    struct relay r = {0};

    for (int i = 0; i < RELAY_DOMAIN_MAX; i++)
        buf_addbyte(&line, 'a');
    ok(relay_isdomain(buf_view(&line)), "a domain may have 255 bytes");
    buf_addbyte(&line, 'a');
    ok(!relay_isdomain(buf_view(&line)), "256 bytes are no domain");
    buf_addstr(&line, ":b");
    ok(!relay_parse(&r, buf_view(&line), &why), "nor in a line");
    relay_free(&r);
    buf_clear(&line);
    buf_addbyte(&line, ':');
    for (int i = 0; i < 100000; i++)
        buf_addbyte(&line, 'a');
    ok(!relay_parse(&r, buf_view(&line), &why), "a relay has a limit too");
    relay_free(&r);
    buf_free(&line);
    buf_free(&why);
}

int
main(void)
{
    good_lines();
    bad_lines();
    long_lines();
    return tap_end();
}
