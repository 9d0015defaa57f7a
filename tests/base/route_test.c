#include "base/route.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "tests/tap.h"

enum { MANY = 100000, LIST_MAX = 32 };

/* Lists for the tests: literals, numbered from 1. */
struct lines {
    char *items[LIST_MAX];
    unsigned numbers[LIST_MAX];
};

static struct conf_list
list_of(struct lines *l, const char *const *items)
{
    struct conf_list list = {l->items, l->numbers, 0};

    for (; items[list.count]; list.count++) {
        l->items[list.count] = (char *)items[list.count];
        l->numbers[list.count] = (unsigned)list.count + 1;
    }
    return list;
}

static const char *const locals[] = {
    "Example.org", "mail.example.org.", "[192.0.2.99]",
    "b\xc3\xbc" "cher.example", NULL,
};

static const char *const smtproutes[] = {
    "partner.example:gate.partner.example:2525",
    ".partner.example:below.partner.example",
    ".deep.partner.example:[2001:db8::5]:26",
    "direct.example:",
    ".direct.example::26",
    "twice.example:first.example",
    "twice.example:second.example",
    "[192.0.2.50]:special.example",
    NULL,
};

static bool
load(struct routes *r, const char *const *local, const char *const *relays,
     struct buf *why)
{
    struct lines a, b;
    struct conf_list la, lb;

    if (local)
        la = list_of(&a, local);
    if (relays)
        lb = list_of(&b, relays);
    return route_load(r, local ? &la : NULL, relays ? &lb : NULL,
                      "me.example.org", why) == 0;
}

static void
table(void)
{
    static const struct {
        const char *address;
        enum channel_kind channel;
        const char *site, *host;
        unsigned port;
        const char *name;
    } rows[] = {
        {"ann@example.org", CHANNEL_LOCAL, "ann@example.org", "", 0,
         "a domain in locals is local"},
        {"Ann@EXAMPLE.Org", CHANNEL_LOCAL, "ann@example.org", "", 0,
         "whatever the case; the site is the address in small letters"},
        {"ann@mail.example.org", CHANNEL_LOCAL, "ann@mail.example.org", "", 0,
         "a dot at the end of a line of locals does not count"},
        {"ann@example.org.", CHANNEL_LOCAL, "ann@example.org.", "", 0,
         "nor one at the end of the address"},
        {"ann@sub.example.org", CHANNEL_REMOTE, "sub.example.org", "", 0,
         "what is below a local domain is not local"},
        {"ann@b\xc3\xbc" "cher.example", CHANNEL_LOCAL,
         "ann@b\xc3\xbc" "cher.example", "", 0,
         "a local domain in UTF-8 (RFC 6531)"},
        {"Root", CHANNEL_LOCAL, "root", "", 0,
         "an address without a domain is local"},
        {"root@", CHANNEL_LOCAL, "root@", "", 0,
         "an empty domain is no remote one"},
        {"root@.", CHANNEL_LOCAL, "root@.", "", 0, "nor is a lone dot"},
        {"", CHANNEL_LOCAL, "", "", 0, "no address is not remote"},
        {"\"a@b\"@example.org", CHANNEL_LOCAL, "\"a@b\"@example.org", "", 0,
         "the last @ begins the domain"},
        {"bob@Example.COM", CHANNEL_REMOTE, "example.com", "", 0,
         "any other domain goes to its MX hosts"},
        {"bob@partner.example", CHANNEL_REMOTE, "partner.example",
         "gate.partner.example", 2525, "a domain with a route of its own"},
        {"bob@PARTNER.example.", CHANNEL_REMOTE, "partner.example",
         "gate.partner.example", 2525, "whatever its case and last dot"},
        {"bob@x.partner.example", CHANNEL_REMOTE, "x.partner.example",
         "below.partner.example", 0, "a suffix serves what is below it"},
        {"bob@y.x.partner.example", CHANNEL_REMOTE, "y.x.partner.example",
         "below.partner.example", 0, "however deep"},
        {"bob@deep.partner.example", CHANNEL_REMOTE, "deep.partner.example",
         "below.partner.example", 0, "but not the suffix itself"},
        {"bob@x.deep.partner.example", CHANNEL_REMOTE,
         "x.deep.partner.example", "[2001:db8::5]", 26,
         "the longest suffix rules"},
        {"bob@xpartner.example", CHANNEL_REMOTE, "xpartner.example", "", 0,
         "a suffix begins at a dot"},
        {"bob@direct.example", CHANNEL_REMOTE, "direct.example", "", 0,
         "an empty relay means MX"},
        {"bob@x.direct.example", CHANNEL_REMOTE, "x.direct.example", "", 26,
         "on another port if it is given"},
        {"bob@twice.example", CHANNEL_REMOTE, "twice.example",
         "second.example", 0, "of two lines for one domain the last rules"},
        {"bob@[192.0.2.1]", CHANNEL_REMOTE, "[192.0.2.1]", "[192.0.2.1]", 0,
         "an address literal is its own host (RFC 5321 4.1.3)"},
        {"bob@[IPv6:2001:DB8::1]", CHANNEL_REMOTE, "[ipv6:2001:db8::1]",
         "[2001:db8::1]", 0, "of IPv6 as well"},
        {"bob@[192.0.2.50]", CHANNEL_REMOTE, "[192.0.2.50]",
         "special.example", 0, "unless it has a route"},
        {"bob@[192.0.2.99]", CHANNEL_LOCAL, "bob@[192.0.2.99]", "", 0,
         "or is local"},
        {"bob@[nonsense]", CHANNEL_REMOTE, "[nonsense]", "[nonsense]", 0,
         "a literal that is no address is left to the deliverer"},
        {"bob@[", CHANNEL_REMOTE, "[", "[", 0, "so is half of one"},
    };
    struct routes r = {0};
    struct buf why = {0};
    struct route out;

    ok(load(&r, locals, smtproutes, &why) && why.len == 0,
       "good lists are loaded");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(&out, 'x', sizeof out);
        route_find(&r, view_of(rows[i].address), &out);
        if (!ok(out.channel == rows[i].channel && out.port == rows[i].port &&
                    strcmp(out.site, rows[i].site) == 0 &&
                    strcmp(out.host, rows[i].host) == 0,
                "%s: '%s'", rows[i].name, rows[i].address))
            printf("# channel %d site '%s' host '%s' port %u\n", out.channel,
                   out.site, out.host, out.port);
    }
    route_free(&r);
    route_free(&r);
    buf_free(&why);
}

static void
smarthost(void)
{
    static const char *const relays[] = {
        ":smart.example:587", "direct.example:", "[192.0.2.3]:", NULL,
    };
    static const struct {
        const char *address, *host;
        unsigned port;
        const char *name;
    } rows[] = {
        {"a@anything.example", "smart.example", 587,
         "a default route serves the rest"},
        {"a@direct.example", "", 0, "with exceptions"},
        {"a@[192.0.2.1]", "smart.example", 587, "literals too, as in qmail"},
        {"a@[192.0.2.3]", "[192.0.2.3]", 0,
         "an excepted literal is its own host"},
    };
    struct routes r = {0};
    struct route out;

    ok(load(&r, NULL, relays, NULL), "locals may be missing");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        route_find(&r, view_of(rows[i].address), &out);
        ok(out.channel == CHANNEL_REMOTE && out.port == rows[i].port &&
               strcmp(out.host, rows[i].host) == 0,
           "%s: '%s'", rows[i].name, rows[i].address);
    }
    route_find(&r, view_of("a@ME.example.org"), &out);
    ok(out.channel == CHANNEL_LOCAL, "then me is local");
    route_free(&r);
}

static void
empty_lists(void)
{
    static const char *const none[] = {NULL};
    struct routes r = {0};
    struct route out;

    route_find(&r, view_of("a@example.org"), &out);
    ok(out.channel == CHANNEL_REMOTE && !out.host[0],
       "without any list all domains go to their MX hosts");
    ok(load(&r, none, none, NULL), "lists may be empty");
    route_find(&r, view_of("a@me.example.org"), &out);
    ok(out.channel == CHANNEL_REMOTE,
       "an empty locals makes no domain local, not even me");
    route_free(&r);
}

static void
wrong_lines(void)
{
    static const char *const bad_locals[] = {
        "good.example", "ann@example.org", "two words", NULL,
    };
    static const char *const bad_relays[] = {
        "a:b", "mail.example.org", "c:d:x", NULL,
    };
    struct routes r = {0};
    struct buf why = {0};

    ok(!load(&r, bad_locals, bad_relays, &why), "wrong lines are refused");
    same(why.data,
         "control/locals:2: 'ann@example.org' is no domain; one line is one "
         "domain, users and 'domain:user' belong elsewhere\n"
         "control/locals:3: 'two words' is no domain\n"
         "control/smtproutes:2: no colon in 'mail.example.org'; for all mail "
         "by this relay write ':mail.example.org'\n"
         "control/smtproutes:3: port 'x' is no number of 1 to 65535\n",
         "each with file, line and what would be right");
    ok(r.count == 0 && !r.rows, "and nothing of them is loaded");
    buf_free(&why);
}

static void
many_locals(void)
{
    struct conf_list list = {mem_alloc(MANY * sizeof(char *)),
                             mem_alloc(MANY * sizeof(unsigned)), MANY};
    struct routes r = {0};
    struct route out;
    char name[64];
    bool found = true, foreign = true;
    clock_t begin = clock();

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "domain-%u.example", i);
        list.items[i] = mem_string(name);
    }
    ok(route_load(&r, &list, NULL, "me", NULL) == 0 && r.count == MANY,
       "a hundred thousand local domains are loaded");
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "a@Domain-%u.example", i);
        route_find(&r, view_of(name), &out);
        found = found && out.channel == CHANNEL_LOCAL;
        snprintf(name, sizeof name, "a@domain-%u.example.net", i);
        route_find(&r, view_of(name), &out);
        foreign = foreign && out.channel == CHANNEL_REMOTE;
    }
    ok(found, "each is found");
    ok(foreign, "and no other");
    printf("# %ld ms\n", (long)((clock() - begin) * 1000 / CLOCKS_PER_SEC));
    route_free(&r);
    conf_listfree(&list);
}

static void
hostile_domain(void)
{
    static const char *const relays[] = {":smart.example", NULL};
    struct routes r = {0};
    struct buf address = {0};
    struct route out;
    clock_t begin;

    load(&r, NULL, relays, NULL);
    buf_addstr(&address, "a@");
    while (address.len < ADDRESS_MAX)
        buf_addstr(&address, ".");
    begin = clock();
    for (int i = 0; i < 10000; i++)
        route_find(&r, buf_view(&address), &out);
    ok(clock() - begin < 5 * CLOCKS_PER_SEC && out.host[0] == 's',
       "a domain of a thousand dots takes no time to speak of");
    printf("# %ld ms for 10000\n",
           (long)((clock() - begin) * 1000 / CLOCKS_PER_SEC));
    buf_free(&address);
    route_free(&r);
}

int
main(void)
{
    table();
    smarthost();
    empty_lists();
    wrong_lines();
    many_locals();
    hostile_domain();
    return tap_end();
}
