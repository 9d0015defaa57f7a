#include "local/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "local/deliver.h"
#include "local/passwd.h"

enum {
    DELIVERERS_MAX = 1000,
    RESIDENT_MAX = 10000,
    SECONDS_MAX = 86400,
};

static _Noreturn void
die(const char *name, const char *why)
{
    log_die("fatal program=local setting=%s why=%s", name, why);
}

static void
read_number(int dir, const char *name, uint64_t fallback, uint64_t max,
            uint64_t *n)
{
    int r = conf_number(dir, name, fallback, max, n);

    if (r == -EINVAL || (r == 0 && *n == 0))
        die(name, "not a number, zero, or too big");
    if (r < 0)
        die(name, strerror(-r));
}

static char *
read_value(int dir, const char *name, const char *fallback)
{
    char *value;
    int r = conf_value(dir, name, &value);

    if (r < 0)
        die(name, strerror(-r));
    if (value && *value)
        return value;
    free(value);
    return fallback ? mem_string(fallback) : NULL;
}

/* false: there is no such file. */
static bool
read_list(int dir, const char *name, struct conf_list *list)
{
    int r = conf_list(dir, name, list);

    if (r < 0 && r != -ENOENT)
        die(name, strerror(-r));
    return r == 0;
}

static void
add_item(struct conf_list *list, const char *item)
{
    size_t n = list->count + 1;

    list->items = mem_grow(list->items, n * sizeof *list->items);
    list->lines = mem_grow(list->lines, n * sizeof *list->lines);
    list->lines[list->count] = 0;
    list->items[list->count++] = mem_string(item);
}

/* A uid without an entry, as containers have: what the environment says. */
static void
invent_own(struct settings *s)
{
    const char *user = getenv("USER");

    s->own.name = mem_string(user && *user ? user : "postmaster");
    s->own.home = mem_string("");
    s->own.gid = getegid();
    add_item(&s->own_names, "postmaster");
}

/* Accounts like nobody have a home that is not there. */
static void
find_home(struct settings *s)
{
    const char *home = getenv("HOME");

    if (home && access(s->own.home, F_OK) < 0 && errno == ENOENT) {
        free(s->own.home);
        s->own.home = mem_string(home);
    }
    if (s->own.home[0] != '/')
        log_die("fatal program=local why=\"home is not an absolute path\" "
                "home=%s", s->own.home);
}

static void
read_own(struct settings *s)
{
    int r = passwd_byuid(geteuid(), &s->own);

    if (r < 0)
        log_die("fatal program=local why=\"cannot look up our own uid\" "
                "errno=%s", strerror(-r));
    if (r == 0)
        invent_own(s);
    s->own.uid = geteuid();
    add_item(&s->own_names, s->own.name);
    find_home(s);
}

void
settings_read(struct settings *s, const char *controldir)
{
    int dir, r;

    memset(s, 0, sizeof *s);
    if ((r = file_opendir(&dir, AT_FDCWD, controldir)) < 0)
        log_die("fatal program=local folder=%s why=%s", controldir,
                strerror(-r));
    if (!(s->me = read_value(dir, "me", NULL)))
        die("me", "missing or empty");
    if (!read_list(dir, "locals", &s->locals))
        add_item(&s->locals, s->me);
    s->defaultdelivery = read_value(dir, "defaultdelivery", "./Maildir/");
    if (!deliver_claims(s->defaultdelivery))
        die("defaultdelivery", "not a Maildir (a path that begins with . or "
            "/ and ends in /)");
    read_number(dir, "minuid", 1000, UINT32_MAX - 1, &s->minuid);
    read_number(dir, "concurrencylocal", 50, DELIVERERS_MAX,
                &s->concurrencylocal);
    read_number(dir, "localperuser", 20, DELIVERERS_MAX, &s->localperuser);
    read_number(dir, "localresident", 500, RESIDENT_MAX, &s->localresident);
    read_number(dir, "localidle", 5, SECONDS_MAX, &s->localidle);
    read_number(dir, "localtimeout", 600, SECONDS_MAX, &s->localtimeout);
    s->private = geteuid() != 0;
    if (s->private) {
        read_list(dir, "localusers", &s->own_names);
        read_own(s);
    }
    file_close(&dir);
}

void
settings_free(struct settings *s)
{
    free(s->me);
    free(s->defaultdelivery);
    conf_listfree(&s->locals);
    conf_listfree(&s->own_names);
    account_free(&s->own);
}
