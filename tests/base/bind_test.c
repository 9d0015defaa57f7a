#include "base/bind.h"

#include <errno.h>
#include <string.h>

#include "tests/tap.h"

static char *lines[] = {
    ":192.0.2.1:all.example",
    "example.org:192.0.2.2,[2001:db8::2]:out.example.org",
    ".example.org:[2001:db8:0::3]",
    "ann@example.org::ann.example:[192.0.2.9]:587",
    "relay.test:::smart.example",
    "twice.test:192.0.2.4",
    "twice.test:192.0.2.5",
    "six.test:[2001:db8::6]::[2001:db8::7]:26",
};
static unsigned numbers[] = {1, 2, 3, 4, 5, 6, 7, 8};

static void
check_rows(const struct binds *b)
{
    static const struct {
        const char *sender, *v4, *v6, *helo, *relay;
        unsigned port;
    } rows[] = {
        {"", "192.0.2.1", "", "all.example", "", 0},
        {"x@other.test", "192.0.2.1", "", "all.example", "", 0},
        {"bob@Example.ORG", "192.0.2.2", "2001:db8::2", "out.example.org",
         "", 0},
        {"bob@example.org.", "192.0.2.2", "2001:db8::2", "out.example.org",
         "", 0},
        {"ANN@example.org", "", "", "ann.example", "[192.0.2.9]", 587},
        {"ann@a.example.org", "", "2001:db8::3", "", "", 0},
        {"ann@aexample.org", "192.0.2.1", "", "all.example", "", 0},
        {"a@relay.test", "", "", "", "smart.example", 0},
        {"a@twice.test", "192.0.2.5", "", "", "", 0},
        {"a@six.test", "", "2001:db8::6", "", "[2001:db8::7]", 26},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct bind_row *r = bind_find(b, view_of(rows[i].sender));

        ok(r && strcmp(r->v4, rows[i].v4) == 0 &&
           strcmp(r->v6, rows[i].v6) == 0 &&
           strcmp(r->helo, rows[i].helo) == 0 &&
           strcmp(r->relay, rows[i].relay) == 0 && r->port == rows[i].port,
           "'%s' finds its line", rows[i].sender);
    }
}

static void
check_route(const struct binds *b, const char *sender, struct route route,
            const char *host, const char *what)
{
    bind_route(b, view_of(sender), &route);
    ok(strcmp(route.host, host) == 0, "%s", what);
}

int
main(void)
{
    static char *const bad[] = {
        "a b:192.0.2.1", "example.org:192.0.2.300", "e.org:2001:db8::1",
        "e.org:[192.0.2.1]", "e.org:192.0.2.1,192.0.2.2", "e.org:[::1",
        "e.org::b d", "@e.org:192.0.2.1", "e.org:::x y", "e.org:::r:0",
        "e.org:::r:70000", "e.org:::r:25:more",
    };
    const struct conf_list list = {lines, numbers, 8};
    struct route plain = {.channel = CHANNEL_REMOTE, .site = "x.test"};
    struct route special = {.channel = CHANNEL_REMOTE, .site = "x.test",
                            .specific = true, .host = "own.example"};
    struct route home = {.channel = CHANNEL_LOCAL, .site = "ann@here"};
    struct binds b = {0};
    struct buf why = {0};

    ok(!bind_find(&b, view_of("a@b")), "without lines nothing is found");
    if (!ok(bind_load(&b, &list, &why) == 0, "good lines are good"))
        printf("# %s", why.data);
    check_rows(&b);
    check_route(&b, "a@relay.test", plain, "smart.example",
                "a sender's relay is used instead of MX");
    check_route(&b, "a@relay.test", special, "own.example",
                "not instead of the relay of the recipient's domain");
    check_route(&b, "a@relay.test", home, "", "and not for local mail");
    check_route(&b, "a@twice.test", plain, "", "a line without one has none");
    bind_free(&b);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *line[] = {bad[i]};
        const struct conf_list one = {line, numbers, 1};

        buf_clear(&why);
        ok(bind_load(&b, &one, &why) == -EINVAL && b.count == 0 &&
           strstr(why.data, "bindroutes:1"), "'%s' is wrong", bad[i]);
    }
    buf_free(&why);
    return tap_end();
}
