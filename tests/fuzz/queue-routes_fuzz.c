#include "base/relay.h"
#include "base/route.h"
#include "queue/settings.h"
#include "tests/fuzz/fuzz_dir.h"

static int dir = -1;

static void
one_relay(struct view in)
{
    struct relay relay = {0};
    struct buf why = {0}, host = {0};

    if (!relay_parse(&relay, in, &why))
        CLAIM(why.len > 0);
    CLAIM(relay.port <= 65535);
    relay_literal(in, &host);
    relay_isdomain(in);
    relay_free(&relay);
    buf_free(&why);
    buf_free(&host);
}

static void
routes(const struct settings *s, struct view address)
{
    struct routes routes = {0};
    struct route route;
    struct buf why = {0};

    if (route_load(&routes, &s->locals, &s->smtproutes, s->me, &why) == 0) {
        address.len = address.len < ADDRESS_MAX ? address.len : ADDRESS_MAX;
        route_find(&routes, address, &route);
        CLAIM(strlen(route.host) <= ROUTE_HOST_MAX);
        route_free(&routes);
    } else {
        CLAIM(why.len > 0);
    }
    buf_free(&why);
}

/* The control files, one of them the input. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"locals", "smtproutes", "me",
                                        "queuelifetime", "bouncefrom"};
    struct settings s;
    struct buf why = {0};
    struct view in;
    const char *name;

    if (size == 0)
        return 0;
    if (dir < 0)
        dir = fuzz_dir();
    in = exact(data + 1, size - 1);
    name = names[data[0] % 5];
    one_relay(in);
    fuzz_put(dir, "me", view_of("me.example\n"));
    fuzz_put(dir, name, in);
    if (settings_read(&s, dir, &why) < 0)
        CLAIM(why.len > 0);
    if (*s.me)
        routes(&s, in);
    settings_free(&s);
    unlinkat(dir, name, 0);
    buf_free(&why);
    free((void *)in.data);
    return 0;
}
