#include "remote/smtp_limits.h"

#include "tests/tap.h"

static const struct {
    const char *argument;
    unsigned mails, rcpts, domains;
} table[] = {
    {"MAILMAX=20 RCPTMAX=100 RCPTDOMAINMAX=1", 20, 100, 1},
    {"rcptmax=7", 0, 7, 0},
    {"RCPTMAX=999999", 0, 999999, 0},
    {"RCPTMAX=1000000", 0, 0, 0},
    {"RCPTMAX=0 MAILMAX=", 0, 0, 0},
    {"RCPTMAX MAILMAX=1x X=2 =3 =", 0, 0, 0},
    {"  MAILMAX=3", 3, 0, 0},
    {"RCPTDOMAINMAX=5000", 0, 0, SMTP_LIMITS_DOMAINS},
    {"", 0, 0, 0},
};

int
main(void)
{
    struct smtp_limits l = {0};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        smtp_limits_read(&l, view_of(table[i].argument));
        ok(l.mails == table[i].mails && l.rcpts == table[i].rcpts &&
               l.domains == table[i].domains,
           "\"%s\" is read (RFC 9422 2)", table[i].argument);
    }
    ok(smtp_limits_domain(&l, view_of("a@x")) && l.domains_used == 0,
       "without a limit no domain is noted");
    smtp_limits_read(&l, view_of("RCPTDOMAINMAX=2"));
    ok(smtp_limits_domain(&l, view_of("a@x")) &&
           smtp_limits_domain(&l, view_of("b@X")) &&
           smtp_limits_domain(&l, view_of("\"a@b\"@y")),
       "two domains have room where two may be used");
    ok(!smtp_limits_domain(&l, view_of("a@z")) &&
           smtp_limits_domain(&l, view_of("c@y")),
       "a third has none, the two may come again");
    smtp_limits_free(&l);
    return tap_end();
}
