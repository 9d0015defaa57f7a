#include "queue/names.h"

#include "tests/tap.h"

static void
uses(void)
{
    uint64_t max = 0;

    ok(name_use("me", NULL) == NAME_SETTING, "a row of the table is known");
    ok(name_use("helohost", NULL) == NAME_TEXT,
       "so is what another program reads");
    ok(name_use("smtpauth", NULL) == NAME_SECRET &&
           name_use("tokens", NULL) == NAME_SECRETS,
       "a secret is known for one");
    ok(name_use("timeoutconnect", &max) == NAME_NUMBER && max == 86400,
       "of a number the limit is known");
    ok(name_use("virtualdomains", NULL) == NAME_UNUSED,
       "what only qmail uses is known as that");
    ok(name_use("smtproute", NULL) == NAME_UNKNOWN, "others are not known");
    ok(name_use("", NULL) == NAME_UNKNOWN, "nor is no name");
}

static void
guesses(void)
{
    static const struct {
        const char *name, *guess, *why;
    } rows[] = {
        {"smtproute", "smtproutes", "a letter is missing"},
        {"smtproutess", "smtproutes", "a letter too many"},
        {"smptroutes", "smtproutes", "two letters are exchanged"},
        {"smtp-route", "smtproutes", "two slips"},
        {"SMTPRoutes", "smtproutes", "letters of another case"},
        {"Me", "me", "short names too"},
        {"local", "locals", "the nearest is taken"},
        {"queuelivetime", "queuelifetime", "another letter"},
        {"databits", "databytes", "two other letters"},
    };
    static const char *const none[] = {
        "", "x", "foo", "README", "control", "smtp", "virtual",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        same(name_guess(rows[i].name), rows[i].guess, rows[i].why);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ok(!name_guess(none[i]), "'%.20s' is like no setting", none[i]);
}

static void
copies(void)
{
    same(name_copied("locals~"), "locals", "an editor's copy");
    same(name_copied("smtproutes.bak"), "smtproutes", "somebody's copy");
    ok(!name_copied("locals"), "a file is no copy of itself");
    ok(!name_copied("localsx"), "nor is one with more letters");
}

int
main(void)
{
    uses();
    guesses();
    copies();
    return tap_end();
}
