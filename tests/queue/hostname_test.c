#include "queue/hostname.h"

#include <stdlib.h>

#include "tests/tap.h"

int
main(void)
{
    static const char *const good[] = {
        "localhost", "mx.example.org", "a", "3com.example", "a-b.c--d.e",
        "XN--NXASMQ6B.example",
    };
    static const char *const bad[] = {
        "", ".", "example.", ".example", "a..b", "-a.example", "a-.example",
        "a b", "a_b.example", "m\xc3\xa9l.example", "a/b", "a\n",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b",
    };
    char longest[300], *name;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ok(hostname_valid(good[i]), "\"%s\" is a host's name", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(!hostname_valid(bad[i]), "bad name %zu is none", i + 1);
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = i % 2 ? '.' : 'a';
    longest[255] = 0;
    ok(hostname_valid(longest), "255 bytes are a name (RFC 1034 3.1)");
    longest[255] = '.';
    longest[257] = 0;
    ok(!hostname_valid(longest), "more are not");
    name = hostname_full();
    ok(name && *name, "this host has a name");
    free(name);
    return tap_end();
}
