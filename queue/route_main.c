#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/addrlist.h"
#include "base/bind.h"
#include "base/file.h"
#include "base/line.h"
#include "base/route.h"
#include "queue/commands.h"
#include "queue/settings.h"

/* 1 says that it worked and an address is none. */
enum { EXIT_UNUSABLE = 1 };

/* The routes as the manager has them.  0, or the exit code and a line for
 * each fault. */
static int
load(struct routes *routes, struct binds *binds)
{
    struct conf_paths paths;
    struct settings s = {0};
    struct buf why = {0};
    int dir, r;

    conf_paths(&paths);
    if ((r = file_opendir(&dir, AT_FDCWD, paths.control)) < 0) {
        buf_print(&why, "%s: %s\n", paths.control, strerror(-r));
    } else if ((r = settings_read(&s, dir, &why)) == 0) {
        r = route_load(routes, &s.locals, &s.smtproutes, s.me, &why);
        if (r == 0)
            r = bind_load(binds, &s.bindroutes, &why);
    }
    if (why.len)
        fprintf(stderr, "godwit route: %s", why.data);
    file_close(&dir);
    settings_free(&s);
    conf_pathsfree(&paths);
    buf_free(&why);
    return r == 0 ? EXIT_OK : r == -EINVAL ? EXIT_NEVER : EXIT_LATER;
}

/* The one address in argument, in the form that envelopes have. */
static bool
read_address(const char *argument, struct buf *kept, const char **why)
{
    struct addrlist_item item;
    struct addrlist l;
    struct view local, domain;

    *why = "a control character, or not UTF-8";
    if (addr_unclean(view_of(argument)))
        return false;
    addrlist_open(&l, view_of(argument));
    *why = "not one address";
    if (addrlist_next(&l, &item, kept) != 1 || item.null ||
        addrlist_next(&l, &item, NULL) != 0)
        return false;
    *why = "longer than 1000 bytes";
    if (kept->len > ADDRESS_MAX)
        return false;
    addr_split(buf_view(kept), &local, &domain);
    *why = "no domain";
    return domain.len && addr_domain(domain, why);
}

static void
print_bind(struct buf *b, const struct bind_row *as)
{
    if (as->v4[0])
        line_print(b, " source=%s", as->v4);
    if (as->v6[0])
        line_print(b, " source6=%s", as->v6);
    if (as->helo[0])
        line_print(b, " helo=%s", as->helo);
}

static void
print(struct view address, const struct route *r, const struct bind_row *as)
{
    struct buf b = {0};

    line_print(&b, "to=%.*s channel=%s site=%s", (int)address.len,
               address.data, r->channel == CHANNEL_LOCAL ? "local" : "remote",
               r->site);
    if (r->channel == CHANNEL_REMOTE && r->host[0])
        line_print(&b, " host=%s port=%u", r->host, r->port ? r->port : 25);
    else if (r->channel == CHANNEL_REMOTE)
        line_print(&b, " mx=%s", r->site);
    if (r->channel == CHANNEL_REMOTE && as)
        print_bind(&b, as);
    puts(b.data);
    buf_free(&b);
}

static void
complain(const char *argument, const char *why)
{
    struct buf b = {0};

    line_print(&b, "%s", argument);
    fprintf(stderr, "godwit route: %.200s: %s\n", b.data, why);
    buf_free(&b);
}

int
route_main(int argc, char **argv)
{
    bool given = argc > 2 && strcmp(argv[1], "--from") == 0;
    int first = given ? 3 : 1;
    struct view from = view_of(given ? argv[2] : "");
    struct routes routes = {0};
    struct binds binds = {0};
    struct buf kept = {0};
    struct route route;
    const char *why;
    int code;

    if (first < argc && strcmp(argv[first], "--") == 0)
        first++;
    if (first >= argc) {
        fprintf(stderr, "godwit route: no address\n");
        return EXIT_USAGE;
    }
    if ((code = load(&routes, &binds)) != 0)
        return code;
    for (int i = first; i < argc; i++) {
        if (!read_address(argv[i], &kept, &why)) {
            complain(argv[i], why);
            code = EXIT_UNUSABLE;
            continue;
        }
        route_find(&routes, buf_view(&kept), &route);
        bind_route(&binds, from, &route);
        print(buf_view(&kept), &route, bind_find(&binds, from));
    }
    if (fflush(stdout) == EOF)
        code = EXIT_LATER;
    route_free(&routes);
    bind_free(&binds);
    buf_free(&kept);
    return code;
}
