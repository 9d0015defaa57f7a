#include "base/addrlist.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/tap.h"

/* What addrlist_next gives: kept addresses, each ended by ';', "(group)"
 * before those in a group, "<>" for a null one, "!" for a fault. */
static void
read_list(struct buf *out, struct view text)
{
    struct addrlist l;
    struct addrlist_item item;
    struct buf kept = {0};
    int r;

    addrlist_open(&l, text);
    while ((r = addrlist_next(&l, &item, &kept)) == 1)
        buf_print(out, "%s%s;", item.group ? "(group)" : "",
                  item.null ? "<>" : kept.data);
    buf_addstr(out, r < 0 ? "!" : "");
    buf_free(&kept);
}

static void
lists(void)
{
    static const struct {
        const char *list, *want, *name;
    } rows[] = {
        /* RFC 5322 appendix A */
        {"John Doe <jdoe@machine.example>", "jdoe@machine.example;",
         "RFC 5322 A.1.1: a name and an address"},
        {"\"Joe Q. Public\" <john.q.public@example.com>",
         "john.q.public@example.com;", "RFC 5322 A.1.2: a quoted name"},
        {"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
         "mary@x.test;jdoe@example.org;one@y.test;",
         "RFC 5322 A.1.2: three of them"},
        {"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@e.net>",
         "boss@nil.test;sysservices@e.net;",
         "RFC 5322 A.1.2: signs within quotes"},
        {"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
         "(group)c@a.test;(group)joe@where.test;(group)jdoe@one.test;",
         "RFC 5322 A.1.3: a group"},
        {"Undisclosed recipients:;", "", "RFC 5322 A.1.3: an empty group"},
        {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
         "pete@silly.test;", "RFC 5322 A.5: comments everywhere"},
        {"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)"
         "public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one."
         "test> (my dear friend); (the end of the group)",
         "(group)c@public.example;(group)joe@example.org;"
         "(group)jdoe@one.test;", "RFC 5322 A.5: a folded group"},
        {"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
         "", "RFC 5322 A.5: an empty group among comments"},
        {"Joe Q. Public <john.q.public@example.com>",
         "john.q.public@example.com;", "RFC 5322 A.6.1: a dot in a name"},
        {"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
         "mary@example.net;jdoe@test.example;",
         "RFC 5322 A.6.1: a route, an empty element, blanks at a dot"},
        {"<@a.test,@b.test:joe@c.test>", "joe@c.test;",
         "RFC 5322 4.4: a route of two"},
        {"John Doe <jdoe@machine(comment).  example>",
         "jdoe@machine.example;", "RFC 5322 A.6.3: a comment in a domain"},
        /* what people write */
        {"ann", "ann;", "no domain"},
        {"ann, bob; carl", "ann;bob;carl;", "a semicolon for a comma"},
        {"ann@example.org <ann@example.org>", "ann@example.org;",
         "an address for a name"},
        {"[List] Bob <bob@b.test>", "bob@b.test;", "a name with brackets"},
        {"J\xf6rg <j@x.test>", "j@x.test;", "a name in Latin-1"},
        {"J\xc3\xb6rg <j\xc3\xb6rg@b\xc3\xbc" "cher.test>",
         "j\xc3\xb6rg@b\xc3\xbc" "cher.test;", "RFC 6532: UTF-8"},
        {"=?utf-8?q?J=C3=B6rg?= <j@x.test>", "j@x.test;",
         "RFC 2047: an encoded word"},
        {"a..b.@docomo.test", "\"a..b.\"@docomo.test;",
         "dots where none may be are kept in quotes"},
        {"\"a b\"@x.test, \"ann\"@x.test", "\"a b\"@x.test;ann@x.test;",
         "quotes are kept only where they are needed"},
        {"\"a\".\"b c\".d@x.test", "\"a.b c.d\"@x.test;",
         "RFC 5322 4.4: a local part of words"},
        {"\"a@b\"@x.test", "\"a@b\"@x.test;", "an '@' within quotes"},
        {"\"a\r\n b\"@x.test", "\"a b\"@x.test;", "a fold within quotes"},
        {"ann@[192.0.2.1]", "ann@[192.0.2.1];", "a literal"},
        {"ann@x.test.", "ann@x.test;", "a dot behind the domain"},
        {"a!b!c%d@x.test", "a!b!c%d@x.test;", "the paths of old"},
        {"<>", "<>;", "a null address"},
        {"MAILER-DAEMON <>", "<>;", "a null address with a name"},
        {"", "", "an empty list"},
        {" , ,(none), \r\n ", "", "a list of nothing"},
        {"friends: ann, bob", "(group)ann;(group)bob;", "a group left open"},
        {"a: b;, c", "(group)b;c;", "one behind a group"},
        {"ann@host (Ann)", "ann@host;", "a name in a comment"},
        {"ann(x\r\n y)@host", "ann@host;", "a fold in a comment"},
        {"\"\"@x.test", "\"\"@x.test;", "an empty quoted local part"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};

        read_list(&out, view_of(rows[i].list));
        same(out.data, rows[i].want, rows[i].name);
        buf_free(&out);
    }
}

static void
faults(void)
{
    static const char *const bad[] = {
        "ann bob", "ann bob@x.test", "a@x.test b@y.test", "ann@", "@x.test",
        "<ann@x.test", "ann@x.test>", "\"ann@x.test", "(ann", "ann@x..test",
        "ann@.test", "<ann@x.test> x", "\\ann", "ann@[x", "a\x01@x.test",
        "\"a\x01\"@x.test", "\"a\n\"@x.test", "a\rb@x.test", "j\xf6rg@x.test",
        "ann@\xf6.test", "::", "a@b@c", ":include:/etc/passwd",
        "\"a\x7f\"@x", "ann@[1\n2]", "Ann <ann@x.test> <bob@x.test>",
        "\"", "\"\\", "[", "<", "@", ".@", "a@b.@", "<@a:", "<@a,:b@c",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf out = {0};

        read_list(&out, view_of(bad[i]));
        ok(out.data[out.len - 1] == '!', "row %zu cannot be read", i);
        buf_free(&out);
    }
}

static void
paths(void)
{
    static const struct {
        const char *path, *want, *rest, *name;
    } rows[] = {
        {"<ann@x.test> SIZE=3", "ann@x.test", " SIZE=3", "a path"},
        {"<>", "", "", "the null path"},
        {"<\"a> b\"@x.test>", "\"a> b\"@x.test", "", "a '>' within quotes"},
        {"<@a.test,@b.test:ann@x.test>", "ann@x.test", "",
         "RFC 5321 4.1.1.3: a source route is dropped"},
        {"<Postmaster>", "Postmaster", "", "RFC 5321 4.1.1.3: Postmaster"},
        {"<a..b@x.test>", "\"a..b\"@x.test", "", "dots in a row"},
        {"< ann@x.test>", NULL, NULL, "no blank within a path"},
        {"<ann(c)@x.test>", NULL, NULL, "no comment within a path"},
        {"<ann@x.test.>", NULL, NULL, "no dot behind a domain"},
        {"ann@x.test", NULL, NULL, "no path without '<'"},
        {"<ann@x.test", NULL, NULL, "no path without '>'"},
        {"<Ann <ann@x.test>>", NULL, NULL, "no name within a path"},
        {"<\"a\nb\"@x.test>", NULL, NULL, "no line break within quotes"},
        {"", NULL, NULL, "no path in nothing"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct view v = view_of(rows[i].path);
        struct buf kept = {0};
        const char *why;
        int r = addrlist_path(&v, &kept, &why);

        buf_addstr(&kept, "");
        if (!rows[i].want)
            ok(r == -EINVAL && kept.len == 0 && *why, "%s", rows[i].name);
        else
            ok(r == 0 && strcmp(kept.data, rows[i].want) == 0 &&
                   view_is(v, rows[i].rest),
               "%s", rows[i].name);
        buf_free(&kept);
    }
}

static void
places(void)
{
    const char *text = " \"Ann B\" <ann> , x, bob@host (c), <@r:c@d.test>";
    static const char *const want[] = {"ann", "x", "bob@host", "c@d.test"};
    struct addrlist l;
    struct addrlist_item item;

    addrlist_open(&l, view_of(text));
    for (size_t i = 0; i < 4; i++) {
        int r = addrlist_next(&l, &item, NULL);

        ok(r == 1 && view_is(view_make(text + item.start,
                                       item.end - item.start), want[i]),
           "an item tells where its address stands: %s", want[i]);
        if (i == 0)
            ok(view_is(item.phrase, "\"Ann B\"") && !item.qualified,
               "and its display name, and that it has no domain");
    }
}

/* The bytes read again for one more address do not grow with the list. */
static void
large(void)
{
    enum { COUNT = 200000 };
    struct buf list = {0}, kept = {0};
    struct addrlist l;
    struct addrlist_item item;
    size_t n = 0, depth = 1000000;

    for (size_t i = 0; i < COUNT; i++)
        buf_print(&list, "Mr. %zu (no %zu) <u%zu@x.test>,\n ", i, i, i);
    addrlist_open(&l, buf_view(&list));
    while (addrlist_next(&l, &item, &kept) == 1)
        n++;
    ok(n == COUNT, "a list of 200,000 is read");
    buf_clear(&list);
    for (size_t i = 0; i < depth; i++)
        buf_addbyte(&list, '(');
    addrlist_open(&l, buf_view(&list));
    ok(addrlist_next(&l, &item, &kept) == -EINVAL,
       "a million comments within each other are refused");
    for (size_t i = 0; i < depth; i++)
        buf_addbyte(&list, ')');
    addrlist_open(&l, buf_view(&list));
    ok(addrlist_next(&l, &item, &kept) == 0, "or skipped if they end");
    buf_free(&list);
    buf_free(&kept);
}

/* No bytes of any kind lead beyond the end, or into a kept address that a
 * command or a log line could not hold. */
static void
noise(void)
{
    static const char some[] = "a@.,:;<>\"\\()[] \r\n\t\xc3\xb6\xff\x01x";
    struct buf list = {0}, kept = {0};
    bool clean = true;

    srand(1);
    for (int i = 0; i < 100000; i++) {
        struct addrlist l;
        struct addrlist_item item;
        int len = rand() % 24;
        char *exact;

        buf_clear(&list);
        for (int k = 0; k < len; k++)
            buf_addbyte(&list, some[rand() % (int)(sizeof some - 1)]);
        exact = malloc((size_t)len + 1); /* so that ASan sees its end */
        memcpy(exact, len ? list.data : "", (size_t)len);
        addrlist_open(&l, view_make(exact, (size_t)len));
        while (addrlist_next(&l, &item, &kept) == 1)
            for (size_t k = 0; k < kept.len; k++)
                clean = clean && (unsigned char)kept.data[k] >= ' ' &&
                        kept.data[k] != 127 && item.start <= item.end &&
                        item.end <= (size_t)len;
        free(exact);
    }
    ok(clean, "100,000 lists of noise leave no control character");
    buf_free(&list);
    buf_free(&kept);
}

int
main(void)
{
    lists();
    faults();
    paths();
    places();
    large();
    noise();
    return tap_end();
}
