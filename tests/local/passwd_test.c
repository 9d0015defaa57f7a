#include "local/passwd.h"

#include <pwd.h>
#include <unistd.h>

#include "tests/tap.h"

static void
test_name(void)
{
    struct passwd *want = getpwuid(0);
    struct account a;

    if (!want) {
        skip("uid 0 has no name here");
        return;
    }
    ok(passwd_byname(want->pw_name, &a) == 1 && a.uid == 0 &&
       strcmp(a.home, want->pw_dir) == 0, "an account is found by its name");
    ok(a.group_count > 0 && a.groups[0] == a.gid,
       "and its groups with it, its own first");
    account_free(&a);
    ok(passwd_byuid(0, &a) == 1 && strcmp(a.name, want->pw_name) == 0,
       "and by its uid");
    account_free(&a);
}

static void
test_absent(void)
{
    struct account a;

    ok(passwd_byname("no-such-godwit-user", &a) == 0 && !a.name,
       "a name nobody has is no error");
    ok(passwd_byuid(0x7ffffff0, &a) == 0 && !a.name, "nor is such a uid");
}

int
main(void)
{
    test_name();
    test_absent();
    return tap_end();
}
