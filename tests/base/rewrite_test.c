#include "base/rewrite.h"

#include <errno.h>

#include "base/mem.h"
#include "tests/tap.h"

/* A list of the lines of text. */
static void
fill(struct conf_list *l, const char *text)
{
    struct view all = view_of(text), line;

    memset(l, 0, sizeof *l);
    while (view_line(&all, &line)) {
        l->items = mem_grow(l->items, (l->count + 1) * sizeof *l->items);
        l->lines = mem_grow(l->lines, (l->count + 1) * sizeof *l->lines);
        l->items[l->count] = mem_dup(line.data, line.len);
        l->lines[l->count] = (unsigned)l->count + 1;
        l->count++;
    }
}

static int
load(struct rewrite *r, const char *canonical, const char *masquerade,
     struct buf *why)
{
    struct conf_list c, m;
    int e;

    memset(r, 0, sizeof *r);
    buf_clear(why);
    buf_addstr(why, "");
    fill(&c, canonical);
    fill(&m, masquerade);
    e = rewrite_load(r, &c, &m, why);
    conf_listfree(&c);
    conf_listfree(&m);
    return e;
}

static void
addresses(void)
{
    static const struct {
        const char *address, *sender, *rcpt;
    } rows[] = {
        {"root@web.corp.example", "admin@corp.example", "admin@corp.example"},
        {"Root@Web.Corp.Example", "admin@corp.example", "admin@corp.example"},
        {"ann@web.corp.example", "ann@corp.example", "ann@web.corp.example"},
        {"ann@a.b.corp.example", "ann@corp.example", "ann@a.b.corp.example"},
        {"ann@corp.example", "ann@corp.example", "ann@corp.example"},
        {"ann@CORP.example", "ann@CORP.example", "ann@CORP.example"},
        {"ann@xcorp.example", "ann@xcorp.example", "ann@xcorp.example"},
        {"ann@list.corp.example", "ann@list.corp.example",
         "ann@list.corp.example"},
        {"ann@x.list.corp.example", "ann@x.list.corp.example",
         "ann@x.list.corp.example"},
        {"ann@in.list.corp.example", "ann@in.list.corp.example",
         "ann@in.list.corp.example"},
        {"ann@h.in.list.corp.example", "ann@in.list.corp.example",
         "ann@h.in.list.corp.example"},
        {"Ann@old.example", "Ann@new.example", "Ann@new.example"},
        {"ann@sub.old.example", "ann@sub.old.example", "ann@sub.old.example"},
        {"vip@old.example", "vip@else.example", "vip@else.example"},
        {"ann@moved.example", "ann@corp.example", "ann@h.corp.example"},
        {"\"a b\"@old.example", "\"a b\"@new.example", "\"a b\"@new.example"},
        {"x@[IPv6:2001:db8::1]", "y@z.example", "y@z.example"},
        {"x@[192.0.2.1]", "x@[192.0.2.1]", "x@[192.0.2.1]"},
        {"twice@old.example", "last@new.example", "last@new.example"},
        {"a@one.example", "a@two.example", "a@two.example"},
        {"", "", ""},
    };
    struct buf why = {0}, b = {0};
    struct rewrite r;

    ok(load(&r, "root@web.corp.example: Admin@corp.example\n"
            "@old.example:@new.example\nvip@old.example:vip@else.example\n"
            "x@[IPv6:2001:db8::1]:y@z.example\n"
            "@moved.example:@h.corp.example\n"
            "twice@old.example:first@new.example\n"
            "twice@old.example:last@new.example\n"
            "@one.example:@two.example\n@two.example:@three.example\n"
            "root@web.corp.example:admin@corp.example\n",
            "corp.example\n!list.corp.example\nin.list.corp.example\n",
            &why) == 0 && why.len == 0, "the lists are read");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool changed;

        buf_clear(&b);
        buf_addstr(&b, rows[i].address);
        changed = rewrite_sender(&r, &b);
        same(b.data ? b.data : "", rows[i].sender, "as a sender");
        ok(changed == (strcmp(rows[i].address, rows[i].sender) != 0),
           "and whether it is another is told");
        buf_clear(&b);
        buf_addstr(&b, rows[i].address);
        rewrite_rcpt(&r, &b);
        same(b.data ? b.data : "", rows[i].rcpt, "as a recipient");
    }
    rewrite_free(&r);
    buf_free(&why);
    buf_free(&b);
}

static void
lengths(void)
{
    struct buf why = {0}, b = {0};
    struct rewrite r;

    load(&r, "@a.b:@longer.example\n", "", &why);
    for (int i = 0; i < 996; i++)
        buf_addbyte(&b, 'x');
    buf_addstr(&b, "@a.b");
    ok(!rewrite_rcpt(&r, &b) && b.len == 1000,
       "an address that would become too long stays");
    rewrite_free(&r);
    ok(!rewrite_sender(&r, &b), "without lists nothing changes");
    buf_free(&why);
    buf_free(&b);
}

static void
faults(void)
{
    static const struct {
        const char *canonical, *masquerade, *why;
    } rows[] = {
        {"a@x.test", "", "control/canonical:1: '' is no address or @domain\n"},
        {"ann:b@x.test", "",
         "control/canonical:1: 'ann' is no address or @domain\n"},
        {"a@x.test:b", "",
         "control/canonical:1: 'b' is no address or @domain\n"},
        {"a@x.test:@y.test", "", "control/canonical:1: 'a@x.test:@y.test' is "
         "no pair of addresses or of @domains\n"},
        {"", "x.test\n!", "control/masquerade:2: '' is no domain\n"},
        {"", "a@x.test", "control/masquerade:1: 'a@x.test' is no domain\n"},
        {"", "[192.0.2.1]",
         "control/masquerade:1: '[192.0.2.1]' is no domain\n"},
    };
    struct buf why = {0};
    struct rewrite r;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ok(load(&r, rows[i].canonical, rows[i].masquerade, &why) == -EINVAL,
           "a wrong line is refused");
        same(why.data, rows[i].why, "and the line says why");
        ok(r.count == 0, "and nothing is rewritten");
    }
    buf_free(&why);
}

int
main(void)
{
    addresses();
    lengths();
    faults();
    return tap_end();
}
