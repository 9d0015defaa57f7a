#include "base/addr.h"

#include "tests/tap.h"

static void
domains(void)
{
    static const struct {
        const char *domain;
        bool good;
        const char *name;
    } rows[] = {
        {"example.org", true, "a domain is dotted names"},
        {"localhost", true, "one name is a domain"},
        {"a_b.example.org", true, "an underscore is common in host names"},
        {"b\xc3\xbc" "cher.example", true, "UTF-8 may be in a domain"},
        {"xn--bcher-kva.example", true, "an A-label is a domain"},
        {"1.2.3.example", true, "a name may begin with a digit"},
        {"[192.0.2.1]", true, "RFC 5321 4.1.3: an IPv4 literal"},
        {"[IPv6:2001:db8::1]", true, "RFC 5321 4.1.3: an IPv6 literal"},
        {"", false, "nothing is no domain"},
        {".example.org", false, "a domain begins with no dot"},
        {"example.org.", false, "a kept domain ends with no dot"},
        {"a..b", false, "no two dots"},
        {"-a.example", false, "no name begins with a hyphen"},
        {"a-.example", false, "no name ends with a hyphen"},
        {"exa mple.org", false, "no blanks"},
        {"a!b", false, "no other signs"},
        {"[192.0.2]", false, "half an IPv4 address is none"},
        {"[2001:db8::1]", false, "an IPv6 literal says so"},
        {"[IPv6:x]", false, "an IPv6 literal holds an address"},
        {"[]", false, "an empty literal"},
        {"[192.0.2.1", false, "an open literal"},
        {"b\xfc" "cher.example", false, "Latin-1 is not UTF-8"},
        {"a\nb", false, "a line break is in no domain"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
         true, "a label of 63 bytes"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
         false, "RFC 1035 2.3.4: none of 64"},
    };
    const char *why;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(addr_domain(view_of(rows[i].domain), &why) == rows[i].good, "%s",
           rows[i].name);
}

static void
parts(void)
{
    static const struct {
        const char *kept, *local, *domain;
    } rows[] = {
        {"ann@example.org", "ann", "example.org"},
        {"\"a@b\"@example.org", "\"a@b\"", "example.org"},
        {"\"a@b\"", "\"a@b\"", ""},
        {"ann", "ann", ""},
        {"\"a\\\"@b\"@c.test", "\"a\\\"@b\"", "c.test"},
        {"\"a\"@[x@[192.0.2.1]", "\"a\"", "[x@[192.0.2.1]"},
        {"a@[x@[192.0.2.1]", "a", "[x@[192.0.2.1]"},
        {"\"a\\", "\"a\\", ""},
        {"ann@[IPv6:::1]", "ann", "[IPv6:::1]"},
        {"", "", ""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct view local, domain;

        addr_split(view_of(rows[i].kept), &local, &domain);
        ok(view_is(local, rows[i].local) && view_is(domain, rows[i].domain),
           "%s has the parts %s and %s", rows[i].kept, rows[i].local,
           rows[i].domain);
    }
}

static void
quotes(void)
{
    static const struct {
        const char *name, *kept;
    } rows[] = {
        {"ann", "ann"},
        {"ann.b", "ann.b"},
        {"a+b=c/d|e!f%g", "a+b=c/d|e!f%g"},
        {"j\xc3\xb6rg", "j\xc3\xb6rg"},
        {"a b", "\"a b\""},
        {"a..b", "\"a..b\""},
        {".a", "\".a\""},
        {"a.", "\"a.\""},
        {"a@b", "\"a@b\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"", "\"\""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = {0}, back = {0};

        addr_quote(&b, view_of(rows[i].name));
        same(b.data, rows[i].kept, "a local part has quotes if it needs them");
        addr_unquote(&back, buf_view(&b));
        buf_addstr(&back, "");
        same(back.data, rows[i].name, "and they come off again");
        buf_free(&b);
        buf_free(&back);
    }
}

static void
unclean(void)
{
    ok(!addr_unclean(view_of("J\xc3\xb6rg <x>")), "UTF-8 is clean");
    ok(addr_unclean(view_of("a\nb")), "a line break is not");
    ok(addr_unclean(view_of("a\rb")), "nor a bare CR");
    ok(addr_unclean(view_make("a\0b", 3)), "nor a zero byte");
    ok(addr_unclean(view_of("\x7f")), "nor DEL");
    ok(addr_unclean(view_of("\xc2\x85")), "nor U+0085, next line");
    ok(addr_unclean(view_of("J\xf6rg")), "nor Latin-1");
    ok(addr_unclean(view_of("\xe2\x80")), "nor a character cut short");
}

int
main(void)
{
    domains();
    parts();
    quotes();
    unclean();
    return tap_end();
}
