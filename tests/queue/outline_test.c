#include "queue/outline.h"

#include "queue/history.h"
#include "queue/json.h"
#include "tests/tap.h"

static void
spans(void)
{
    static const struct {
        uint64_t seconds;
        const char *want;
    } cases[] = {
        {0, "0s"}, {59, "59s"}, {60, "1m"}, {61, "1m1s"}, {3600, "1h"},
        {3601, "1h"}, {3661, "1h1m"}, {86399, "23h59m"}, {86400, "1d"},
        {90061, "1d1h"}, {10 * 86400 + 60, "10d"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        char name[60];

        snprintf(name, sizeof name, "%ju seconds are %s",
                 (uintmax_t)cases[i].seconds, cases[i].want);
        outline_span(&b, cases[i].seconds);
        same(b.data, cases[i].want, name);
        buf_free(&b);
    }
}

static void
json(void)
{
    struct buf b = {0};

    buf_addbyte(&b, '{');
    json_addtext(&b, "a", view_of("\"\\\n\x7f\xc3\xa9\xff"));
    json_addnumber(&b, "b", UINT64_MAX);
    json_key(&b, "c");
    buf_addbyte(&b, '[');
    json_item(&b);
    json_bool(&b, true);
    json_item(&b);
    json_bool(&b, false);
    buf_addstr(&b, "]}");
    same(b.data, "{\"a\":\"\\\"\\\\\\u000a\\u007f\xc3\xa9\\ufffd\","
         "\"b\":18446744073709551615,\"c\":[true,false]}",
         "JSON holds any bytes, those that are no UTF-8 as U+FFFD");
    buf_free(&b);
}

static void
addresses(void)
{
    struct buf b = {0};

    outline_address(&b, view_of(""));
    outline_address(&b, view_of("a\x1b[2J@b"));
    same(b.data, "<><\"a\\x1b[2J@b\">",
         "an address cannot steer the terminal");
    buf_free(&b);
}

static void
lines(void)
{
    static const struct {
        const char *line, *text, *json;
    } cases[] = {
        {"deliver id=0SADYEM52MYY0 rcpt=0 to=\"a b@c\" host=\"\" why=\"a=\\\"b"
         " c=d\\\"\"",
         "  0SADYEM52MYY0  delivered to <\"a b@c\">: \"a=\\\"b c=d\\\"\"\n",
         "\"event\":\"deliver\",\"id\":\"0SADYEM52MYY0\",\"rcpt\":0,"
         "\"to\":\"a b@c\",\"host\":\"\",\"why\":\"a=\\\"b c=d\\\"\"}\n"},
        {"accept id=0SADYEM52MYY0 from=\"\" rcpts=2 size=7",
         "  0SADYEM52MYY0  accepted from <>, recipients 2, 7 bytes\n",
         "\"event\":\"accept\",\"id\":\"0SADYEM52MYY0\",\"from\":\"\","
         "\"rcpts\":2,\"size\":7}\n"},
        {"fail id=0SADYEM52MYY0 rcpt=1 why=550",
         "  0SADYEM52MYY0  failed: 550\n",
         "\"event\":\"fail\",\"id\":\"0SADYEM52MYY0\",\"rcpt\":1,"
         "\"why\":\"550\"}\n"},
        {"stop", "  stop\n", "\"event\":\"stop\"}\n"},
        {"new id=0SADYEM52MYY0 x", "  0SADYEM52MYY0  "
         "new id=0SADYEM52MYY0 x\n",
         "\"event\":\"new\",\"id\":\"0SADYEM52MYY0\"}\n"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ledger_line l = {.text = view_of(cases[i].line)};
        const char *stamp = "1970-01-01T00:00:00.000Z";
        struct buf b = {0}, want = {0};

        history_text(&b, &l);
        buf_print(&want, "%s%s", stamp, cases[i].text);
        same(b.data, want.data, "a line of the ledger in words");
        buf_clear(&b);
        buf_clear(&want);
        history_json(&b, &l);
        buf_print(&want, "{\"time\":\"%s\",\"position\":0,%s", stamp,
                  cases[i].json);
        same(b.data, want.data, "the same for programs");
        buf_free(&b);
        buf_free(&want);
    }
}

int
main(void)
{
    spans();
    json();
    addresses();
    lines();
    return tap_end();
}
