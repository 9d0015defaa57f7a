#include "remote/mxlist.h"

#include "tests/tap.h"

#define RDATA(s) view_make(s, sizeof(s) - 1)

static void
test_read(void)
{
    struct mx_record r;

    ok(mxlist_read(&r, RDATA("\0\12\2mx\7Example\3org\0")) &&
           r.preference == 10 && strcmp(r.name, "mx.example.org") == 0,
       "a record is a preference and a name");
    ok(mxlist_read(&r, RDATA("\0\0\0")) && mxlist_null(&r, 1),
       "a single record of the root means no mail (RFC 7505)");
    ok(!mxlist_read(&r, RDATA("\0\12")), "no name is no record");
    ok(!mxlist_read(&r, RDATA("\0\12\5mx\0")), "a label cut short is none");
    ok(!mxlist_read(&r, RDATA("\0\12\2mx\0x")), "nothing follows the name");
    ok(!mxlist_read(&r, RDATA("\0\12\2m \0")), "a blank is in no host name");
    ok(!mxlist_read(&r, RDATA("\0\12\300\14")), "nothing is compressed");
}

static void
put(struct mx_record *r, unsigned preference, uint32_t chance,
    const char *name)
{
    r->preference = preference;
    r->chance = chance;
    snprintf(r->name, sizeof r->name, "%s", name);
}

static void
test_order(void)
{
    static const char *const own[] = {"me.example", "out.example", NULL};
    static const char *const nobody[] = {NULL};
    struct mx_record list[4];
    size_t n;

    put(&list[0], 20, 1, "c");
    put(&list[1], 10, 2, "b");
    put(&list[2], 10, 1, "a");
    put(&list[3], 5, 1, "");
    n = mxlist_order(list, 4, nobody);
    ok(n == 3 && *list[0].name == 'a' && *list[1].name == 'b' &&
           *list[2].name == 'c',
       "the best comes first, chance decides between equals");
    put(&list[0], 20, 1, "c");
    put(&list[1], 10, 2, "Out.Example");
    put(&list[2], 10, 1, "b");
    put(&list[3], 5, 1, "a");
    n = mxlist_order(list, 4, own);
    ok(n == 1 && *list[0].name == 'a',
       "we and what is not better than we is cut (RFC 5321 5.1)");
    put(&list[0], 1, 1, "me.example");
    put(&list[1], 1, 1, "localhost");
    ok(mxlist_order(list + 1, 1, own) == 0, "localhost is ourselves");
    ok(mxlist_order(list, 1, own) == 0, "where we are the best none is left");
}

int
main(void)
{
    test_read();
    test_order();
    return tap_end();
}
