#include "remote/tlspolicy.h"

#include "tests/tap.h"

static const char *items[] = {
    "example.org:encrypt",
    " Mixed.Example : verify : a.example, *.b ",
    ".example.org:none",
    "x.example:fingerprint:"
    "00:01:02:03:04:05:06:07:08:09:0a:0B:0c:0d:0e:0f:"
    "10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f",
};
static unsigned lines[] = {1, 2, 3, 4, 5, 6, 7};

static struct conf_list
list_of(const char **first, size_t count)
{
    return (struct conf_list){(char **)first, lines, count};
}

static void
test_find(void)
{
    static const struct {
        const char *domain;
        enum tls_level level;
    } table[] = {
        {"example.org", TLS_ENCRYPT},  {"EXAMPLE.org", TLS_ENCRYPT},
        {"a.example.org", TLS_NONE},   {"b.a.example.org", TLS_NONE},
        {"aexample.org", TLS_MAY},     {"org", TLS_MAY},
        {"", TLS_MAY},                 {"x.example", TLS_FINGERPRINTS},
    };
    struct conf_list list = list_of(items, 4);

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ok(tlspolicy_find(&list, view_of(table[i].domain), TLS_MAY)
                   .level ==
               table[i].level,
           "the policy of '%s' is found", table[i].domain);
}

static void
test_check(void)
{
    static const char *bad[] = {
        "x", "x:", "x:maybe", "x:may:x", "x:fingerprint", "x:fingerprint:0",
        "x:verify:a b", "x:dane:y", "x:dane-only:y", "x:danes",
    };
    const char *good[] = {items[0], items[2], items[3], ":may",
                          "x:verify:a.example,b.example", ":dane",
                          "x:dane-only"};
    struct conf_list list = list_of(good, 7);
    size_t line;

    ok(tlspolicy_check(&list, &line), "lines of each kind are good");
    ok(tlspolicy_names(&list, TLS_DANE) && !tlspolicy_names(&list, TLS_MAY + 90),
       "which levels stand in the list can be told");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        list = list_of(&bad[i], 1);
        ok(!tlspolicy_check(&list, &line) && line == 1, "'%s' is not",
           bad[i]);
    }
}

static void
test_idna(void)
{
    static const char *words[] = {"B\xc3\xbc" "cher.example:none",
                                  ".xn--bcher-kva.example:encrypt"};
    struct conf_list list = list_of(words, 2);

    ok(tlspolicy_find(&list, view_of("xn--bcher-kva.EXAMPLE"), TLS_MAY).level ==
           TLS_NONE,
       "a U-label fits the A-label that it stands for");
    ok(tlspolicy_find(&list, view_of("a.b\xc3\xbc" "cher.example"), TLS_MAY)
               .level == TLS_ENCRYPT,
       "and the other way round, below a dot too");
}

static void
test_fingerprint(void)
{
    struct conf_list list = list_of(items, 4);
    struct tlspolicy p = tlspolicy_find(&list, view_of("x.example"),
                                        TLS_MAY);
    unsigned char sum[TLS_FINGERPRINT];

    for (int i = 0; i < TLS_FINGERPRINT; i++)
        sum[i] = (unsigned char)i;
    ok(tlspolicy_fingerprint(p.argument, sum),
       "a fingerprint may have colons and letters of both cases");
    sum[31]++;
    ok(!tlspolicy_fingerprint(p.argument, sum), "another one is another");
}

int
main(void)
{
    test_find();
    test_check();
    test_idna();
    test_fingerprint();
    return tap_end();
}
