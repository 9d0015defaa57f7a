#include "remote/mx.h"

#include "tests/tap.h"

int
main(void)
{
    static const struct {
        const char *host;
        int family; /* 0: no literal */
    } table[] = {
        {"192.0.2.1", AF_INET},     {"[192.0.2.1]", AF_INET},
        {"::1", AF_INET6},          {"[::1]", AF_INET6},
        {"[IPv6:::1]", AF_INET6},   {"[ipv6:2001:db8::1]", AF_INET6},
        {"localhost", 0},           {"[localhost]", 0},
        {"", 0},                    {"[]", 0},
        {"[192.0.2.1", 0},          {"192.0.2.1.", 0},
        {"192.0.2", 0},             {"[IPv6:]", 0},
        {"fe80::1%lo", 0},          {"example.org", 0},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", 0},
    };
    union mx_sockaddr a;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool is = mx_literal(view_of(table[i].host), 2525, &a);

        ok(is == (table[i].family != 0) &&
               (!is || (a.any.sa_family == table[i].family &&
                        a.in.sin_port == htons(2525))),
           "\"%s\" is %s address literal", table[i].host,
           table[i].family ? "an" : "no");
    }
    ok(!mx_literal(view_make("::1\0x", 5), 25, &a),
       "a literal holds no NUL byte");
    return tap_end();
}
