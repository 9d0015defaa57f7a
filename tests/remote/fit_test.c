#include "remote/fit.h"

#include "base/smtp.h"
#include "tests/tap.h"

static void
test_content(void)
{
    static const struct {
        uint32_t flags, extensions;
        const char *code; /* NULL: it fits */
        const char *name;
    } table[] = {
        {0, 0, NULL, "plain text travels with any server"},
        {JOB_REQUIRETLS, FIT_ANY & ~(uint32_t)SMTP_REQUIRETLS, "5.7.30",
         "REQUIRETLS travels with itself alone (RFC 8689)"},
        {JOB_8BIT_BODY, SMTP_8BITMIME, NULL, "8-bit travels with 8BITMIME"},
        {JOB_8BIT_HEADER, SMTP_SMTPUTF8, "5.6.3",
         "an 8-bit header does not travel without"},
        {JOB_SMTPUTF8, SMTP_SMTPUTF8, NULL, "SMTPUTF8 travels with itself"},
        {JOB_SMTPUTF8, SMTP_8BITMIME, "5.6.7",
         "SMTPUTF8 does not travel without"},
        {JOB_REPEAT, 0, NULL, "a repeat is like any other"},
    };
    struct outcome o;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool fits = fit_content(table[i].flags, table[i].extensions, &o);

        ok(fits == !table[i].code &&
               (fits || (o.verdict == NEVER &&
                         strcmp(o.code, table[i].code) == 0 && *o.text)),
           "%s", table[i].name);
    }
    ok(fit_convert(JOB_NUL, FIT_ANY), "NUL is converted (RFC 5321 2.4)");
    ok(fit_convert(JOB_BARE_CR, FIT_ANY),
       "a CR alone is converted (RFC 5321 2.3.8)");
    ok(fit_convert(JOB_LONG_LINE, FIT_ANY),
       "a line over 998 bytes is converted (RFC 5321 4.5.3.1.6)");
    ok(fit_convert(JOB_8BIT_BODY, 0) &&
           !fit_convert(JOB_8BIT_BODY, SMTP_8BITMIME),
       "an 8-bit body is converted for lack of 8BITMIME (RFC 6152 3)");
    ok(!fit_convert(JOB_8BIT_HEADER | JOB_SMTPUTF8, 0),
       "what is plain is never converted");
    ok(fit_size(1000, 1000, &o), "the server's limit itself is no excess");
    ok(!fit_size(1001, 1000, &o) && strcmp(o.code, "5.3.4") == 0,
       "a byte more is (RFC 1870)");
    ok(fit_size(UINT64_MAX, 0, &o), "a limit of 0 is none (RFC 1870 3)");
}

static void
test_address(void)
{
    static const struct {
        const char *address;
        size_t len; /* 0: of the string */
        bool fits;
    } table[] = {
        {"ann@example.org", 0, true},
        {"", 0, true},
        {"\"a b\"@example.org", 0, true},
        {"\"a\\\"> b\"@example.org", 0, true},
        {"b\xc3\xb6@example.org", 0, true},
        {"a@b\r\nDATA", 0, false},
        {"a@b\n", 0, false},
        {"a@b\r", 0, false},
        {"a\0b@c", 5, false},
        {"a@b\177", 0, false},
        {"\"a\\\n\"@b", 0, false},
        {"a@b> SIZE=1", 0, false},
        {"a b@c", 0, false},
        {"<a@b", 0, false},
        {"\"a@b", 0, false},
        {"\"a\\", 0, false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct view v = view_of(table[i].address);

        if (table[i].len)
            v = view_make(table[i].address, table[i].len);
        ok(fit_address(v) == table[i].fits,
           "address %zu %s in a command", i + 1,
           table[i].fits ? "can stand" : "would break out");
    }
    ok(fit_parameter(view_of("rfc822;a+2Bb@c"), 500) &&
           !fit_parameter(view_of("a b"), 500) &&
           !fit_parameter(view_of("a\r"), 500) &&
           !fit_parameter(view_of("a=b"), 500) &&
           !fit_parameter(view_of(""), 500) &&
           !fit_parameter(view_of("abc"), 2),
       "a parameter is printable, without blank and '=', not too long");
}

int
main(void)
{
    test_content();
    test_address();
    return tap_end();
}
