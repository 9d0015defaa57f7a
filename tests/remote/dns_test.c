#include "remote/dns.h"

#include <string.h>

#include "tests/tap.h"

/* What dns_expanded makes of it; "" for nothing. */
static const char *
expanded(const char *qname, const char *canonname, char name[DNS_NAME_MAX])
{
    struct ub_result r = {.qname = (char *)qname,
                          .canonname = (char *)canonname};

    return dns_expanded(&r, name) ? name : "";
}

int
main(void)
{
    static const struct {
        const char *qname, *canonname, *name;
    } table[] = {
        {"Mx.Test.", NULL, "mx.test"}, {"a.test", "B.test.", "b.test"},
        {"a", NULL, "a"},              {"_x.test", NULL, "_x.test"},
        {".", NULL, ""},               {"a..", NULL, ""},
        {".a", NULL, ""},              {"a..b", NULL, ""},
        {"a b.test", NULL, ""},        {"", NULL, ""},
    };
    char name[DNS_NAME_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ok(strcmp(expanded(table[i].qname, table[i].canonname, name),
                  table[i].name) == 0,
           "the end of the aliases of '%s' is '%s'", table[i].qname,
           table[i].name);
    return tap_end();
}
