#include "base/date.h"

#include <stdlib.h>

#include "tests/tap.h"

static void
mail(void)
{
    static const struct {
        time_t when;
        const char *want;
    } rows[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 +0000"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
        {1795382400, "Sun, 22 Nov 2026 21:20:00 +0000"},
        {4102444799, "Thu, 31 Dec 2099 23:59:59 +0000"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = {0};

        date_mail(&b, rows[i].when);
        same(b.data, rows[i].want, "RFC 5322 3.3: a date in a header");
        buf_free(&b);
    }
}

static void
stamps(void)
{
    struct buf b = {0};
    uint64_t ms = 0;

    date_stamp(&b, 1795382400123);
    same(b.data, "2026-11-22T21:20:00.123Z", "a stamp has milliseconds");
    ok(date_parse(buf_view(&b), &ms) && ms == 1795382400123,
       "and is read as it was printed");
    ok(!date_parse(view_of("2026-11-22T21:20:00Z"), &ms) &&
           !date_parse(view_of("2026-11-22 21:20:00.123Z"), &ms) &&
           !date_parse(view_of(""), &ms),
       "other forms are none");
    buf_free(&b);
}

int
main(void)
{
    /* Dates are UTC wherever the host is. */
    setenv("TZ", "America/St_Johns", 1);
    mail();
    stamps();
    ok(date_now() > 1700000000000, "the clock counts milliseconds");
    return tap_end();
}
