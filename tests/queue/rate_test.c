#include "queue/rate.h"

#include <errno.h>

#include "tests/tap.h"

static char *lines[] = {
    ":600/m", "example.org:60/h", ".example.org:30/m", "twice.test:1/m",
    "twice.test:2/m", "[192.0.2.1]:1/h", ".deep.example.org:1/h",
};
static unsigned numbers[] = {1, 2, 3, 4, 5, 6, 7};

int
main(void)
{
    static const struct {
        const char *domain;
        uint64_t gap;
    } good[] = {
        {"example.org", 60000000}, {"EXAMPLE.org", 60000000},
        {"a.example.org", 2000000}, {"a.deep.example.org", 3600000000},
        {"aexample.org", 100000}, {"other.test", 100000}, {"", 100000},
        {"twice.test", 30000000}, {"[192.0.2.1]", 3600000000},
    };
    static char *const bad[] = {
        "example.org", "example.org:", "example.org:0/m", "example.org:5",
        "example.org:5/d", "example.org:x/m", "a b:5/m", "e:1000001/m",
        "example.org:5/mm", "example.org:-1/m", ":/m",
    };
    struct conf_list list = {lines, numbers, 7}, none = {0};
    struct buf why = {0};

    ok(rate_check(&list, &why) == 0 && why.len == 0, "good lines are good");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ok(rate_gap(&list, view_of(good[i].domain)) == good[i].gap,
           "%s has %ju us", good[i].domain, (uintmax_t)good[i].gap);
    ok(rate_gap(&none, view_of("example.org")) == 0,
       "without lines there is no limit");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *line[] = {bad[i]};
        struct conf_list one = {line, numbers, 1};

        buf_clear(&why);
        ok(rate_check(&one, &why) == -EINVAL && why.len > 0 &&
           rate_gap(&one, view_of("example.org")) == 0, "'%s' is wrong",
           bad[i]);
    }
    buf_free(&why);
    return tap_end();
}
