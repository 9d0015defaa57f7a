#include "local/user.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/tap.h"

static char *locals_items[] = {"example.org", "[192.0.2.1]"};
static const struct conf_list locals = {.items = locals_items, .count = 2};

static int
table(const char *name, struct account *a)
{
    static const struct {
        const char *name, *home;
        uid_t uid;
    } rows[] = {
        {"ann", "/home/ann", 1000}, {"root", "/root", 0},
        {"daemon", "/usr/sbin", 1}, {"homeless", "", 1001},
        {"a b", "/home/ab", 1002},
    };

    if (strcmp(name, "slow") == 0)
        return -EAGAIN;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0) {
            *a = (struct account){.uid = rows[i].uid, .gid = 7};
            a->name = mem_string(name);
            a->home = mem_string(rows[i].home);
            return 1;
        }
    return 0;
}

static const struct user_rules system_rules = {&locals, table, 1000,
                                               NULL, NULL};

static void
expect(const struct user_rules *rules, const char *address,
       enum verdict verdict, const char *code, const char *name)
{
    struct account a;
    struct outcome o;
    enum verdict v = user_find(rules, view_of(address), &a, &o);

    if (!ok(v == verdict && o.verdict == v && strcmp(o.code, code) == 0 &&
            (v == DONE) == (a.name != NULL), "%s", name))
        printf("# %s %s %s\n", verdict_word(v), o.code, o.text);
    account_free(&a);
}

static void
test_system(void)
{
    const struct user_rules *r = &system_rules;
    char text[2 * USER_NAME_MAX + 64];
    struct account a;
    struct outcome o;

    expect(r, "ann@example.org", DONE, "2.0.0", "a user gets his mail");
    expect(r, "ANN@EXAMPLE.org", DONE, "2.0.0",
           "neither part of an address depends on case");
    expect(r, "ann@[192.0.2.1]", DONE, "2.0.0",
           "an address literal may stand in locals");
    expect(r, "\"a\\nn\"@example.org", DONE, "2.0.0",
           "a quoted local part means what is quoted (RFC 5321 4.1.2)");
    expect(r, "bob@example.org", NEVER, "5.1.1", "who is not there, is not");
    expect(r, "ann-list@example.org", NEVER, "5.1.1",
           "an extension alone makes no user");
    expect(r, "ann@example.net", LATER, "4.3.5",
           "a domain that is not in locals is a fault of ours: later");
    expect(r, "ann", LATER, "4.3.5", "so is an address without a domain");
    expect(r, "slow@example.org", LATER, "4.3.0",
           "a lookup that fails says nothing about the user: later");
    expect(r, "root@example.org", NEVER, "5.1.1", "root gets no mail");
    expect(r, "daemon@example.org", NEVER, "5.1.1",
           "a uid under minuid gets no mail");
    user_find(r, view_of("daemon@example.org"), &a, &o);
    same(o.text, "mail for this account is not delivered (uid under minuid); "
         "use an alias", "and the sender is told why");
    expect(r, "homeless@example.org", LATER, "4.3.5",
           "a user whose home is no absolute path: later");
    expect(r, "\"a b\"@example.org", NEVER, "5.1.1",
           "a name with a blank is not looked up");
    expect(r, "@example.org", NEVER, "5.1.1", "nor is an empty one");
    expect(r, "+@example.org", NEVER, "5.1.1", "nor what NIS would expand");
    expect(r, "../ann@example.org", NEVER, "5.1.1", "nor a path");
    expect(r, "a:b@example.org", NEVER, "5.1.1", "nor a passwd separator");
    memset(text, 'x', sizeof text);
    strcpy(text + USER_NAME_MAX + 1, "@example.org");
    expect(r, text, NEVER, "5.1.1", "nor one that is too long");
    expect(r, "a@b@example.org", NEVER, "5.1.1",
           "the last @ divides an address");
}

static void
test_minuid_zero(void)
{
    struct user_rules r = system_rules;

    r.minuid = 0;
    expect(&r, "daemon@example.org", DONE, "2.0.0", "minuid may be lower");
    expect(&r, "root@example.org", NEVER, "5.1.1",
           "but uid 0 is refused whatever minuid says");
}

static void
test_private(void)
{
    static char name[] = "ann", home[] = "/srv/ann";
    static char *items[] = {"ann", "sales"};
    static const struct account own = {.name = name, .home = home, .uid = 500};
    static const struct conf_list names = {.items = items, .count = 2};
    struct user_rules r = {&locals, table, 1000, &own, &names};
    struct account a;
    struct outcome o;

    expect(&r, "ann@example.org", DONE, "2.0.0",
           "a private instance serves its own user, whatever minuid says");
    expect(&r, "Sales@example.org", DONE, "2.0.0",
           "and the names of localusers");
    expect(&r, "homeless@example.org", NEVER, "5.1.1",
           "and nobody else, though he has an account");
    user_find(&r, view_of("sales@example.org"), &a, &o);
    ok(a.uid == 500 && strcmp(a.home, "/srv/ann") == 0,
       "they all are the own account");
    account_free(&a);
}

static void
test_equal(void)
{
    gid_t one[] = {5, 6}, two[] = {5, 7};
    char name[] = "ann", home[] = "/home/ann", moved[] = "/home2/ann";
    struct account a = {name, home, 1000, 100, one, 2}, b = a, copy;

    account_copy(&copy, &a);
    ok(account_equal(&a, &copy), "a copy is the same account");
    account_free(&copy);
    b.groups = two;
    ok(!account_equal(&a, &b), "other groups make another account");
    b = a;
    b.home = moved;
    ok(!account_equal(&a, &b), "so does another home");
    b = a;
    b.gid = 1;
    ok(!account_equal(&a, &b), "and another gid");
}

int
main(void)
{
    test_system();
    test_minuid_zero();
    test_private();
    test_equal();
    return tap_end();
}
