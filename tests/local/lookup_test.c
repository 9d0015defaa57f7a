#include "local/lookup.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "tests/tap.h"

static unsigned asked;
static uid_t uid = 1001;
static int answer = 1;

static int
table(const char *name, struct account *a)
{
    asked++;
    memset(a, 0, sizeof *a);
    if (answer != 1)
        return answer;
    a->name = mem_string(name);
    a->home = mem_string("/home");
    a->uid = uid;
    return 1;
}

/* Its uid, 0 where there is none, or the errno. */
static int
look(const char *name, uint64_t now)
{
    struct account a = {0};
    int r = lookup_at(table, name, now, &a);

    if (r == 1)
        r = (int)a.uid;
    account_free(&a);
    return r;
}

static void
test_moment(void)
{
    ok(look("ann", 100) == 1001 && asked == 1, "an account is looked up");
    uid = 1002;
    ok(look("ann", 101) == 1001 && asked == 1, "and remembered");
    ok(look("ann", 100 + LOOKUP_SECONDS) == 1002 && asked == 2,
       "for a moment, then looked up anew");
    ok(look("Ann", 102) == 1002 && asked == 3, "names are exact");
}

static void
test_absent(void)
{
    asked = 0;
    answer = 0;
    ok(look("bob", 200) == 0, "who is not there");
    answer = -5;
    ok(look("bob", 200) == -5, "or cannot be looked up");
    answer = 1;
    ok(look("bob", 200) == 1002 && asked == 3, "is asked for each time");
}

static void
test_many(void)
{
    char name[32];

    for (int i = 0; i < LOOKUP_MAX + 10; i++) {
        snprintf(name, sizeof name, "u%d", i);
        look(name, 300);
    }
    asked = 0;
    look(name, 300);
    ok(asked == 0, "of too many the newest are remembered");
    look("u0", 300);
    ok(asked == 1, "and the oldest are not");
}

static void
test_remembered(void)
{
    struct account a = {0};

    ok(lookup_remembered("nobody-here", &a) == -EAGAIN,
       "what is not remembered is not looked up where nobody may wait");
    ok(lookup_account("root", &a) == 1, "root is looked up");
    account_free(&a);
    ok(lookup_remembered("root", &a) == 1 && strcmp(a.name, "root") == 0,
       "and then remembered");
    account_free(&a);
}

int
main(void)
{
    test_remembered();
    test_moment();
    test_absent();
    test_many();
    return tap_end();
}
