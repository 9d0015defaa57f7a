#include "remote/hosts.h"

#include <stdlib.h>

#include "tests/tap.h"

static const char table[] =
    "# comment\n"
    "127.0.0.1\tlocalhost lo # and more\n"
    "::1 localhost ip6-localhost\n"
    "192.0.2.7   Mail.Example.org  mail\r\n"
    "0.0.0.0 ads.example\n"
    ":: ads6.example\n"
    "nonsense name\n"
    "192.0.2.300 wrong\n"
    "192.0.2.8\n"
    "\n"
    "192.0.2.9 mail last";

static void
check(const struct hosts *h, const char *name, size_t n, const char *want)
{
    const char *got = hosts_find(h, view_of(name), n);

    if (!ok(got ? want && strcmp(got, want) == 0 : !want,
            "address %zu of %s is %s", n, name, want ? want : "none"))
        printf("#  got: %s\n", got ? got : "(none)");
}

int
main(void)
{
    struct hosts h = {0};
    struct buf many = {0};

    check(&h, "localhost", 0, NULL);
    hosts_parse(&h, view_of(table));
    check(&h, "localhost", 0, "::1");
    check(&h, "localhost", 1, "127.0.0.1");
    check(&h, "localhost", 2, NULL);
    check(&h, "LO", 0, "127.0.0.1");
    check(&h, "mail.example.ORG", 0, "192.0.2.7");
    check(&h, "mail", 0, "192.0.2.7");
    check(&h, "mail", 1, "192.0.2.9");
    check(&h, "last", 0, "192.0.2.9");
    check(&h, "ads.example", 0, NULL);
    check(&h, "ads6.example", 0, NULL);
    check(&h, "wrong", 0, NULL);
    check(&h, "name", 0, NULL);
    check(&h, "and", 0, NULL);
    check(&h, "", 0, NULL);
    hosts_free(&h);
    check(&h, "lo", 0, NULL);
    buf_addview(&many, view_make("1.2.3.4 a\0b\n", 12));
    for (int i = 0; i < 2 * HOSTS_MAX; i++)
        buf_print(&many, "192.0.2.1 n%d\n", i);
    hosts_parse(&h, buf_view(&many));
    ok(h.count == HOSTS_MAX, "no more names are kept than HOSTS_MAX");
    hosts_free(&h);
    hosts_read(&h, "/nonexistent/hosts");
    ok(h.count == 0, "a file that is not there adds nothing");
    buf_free(&many);
    return tap_end();
}
