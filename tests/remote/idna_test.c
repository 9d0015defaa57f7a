#include "remote/idna.h"

#include "tests/tap.h"

static void
test_good(void)
{
    static const struct {
        const char *name, *want;
    } table[] = {
        {"example.org", "example.org"},
        {"Example.ORG", "Example.ORG"},
        {"[192.0.2.1]", "[192.0.2.1]"},
        {"_a.b", "_a.b"},
        {"b\xc3\xbc" "cher.example", "xn--bcher-kva.example"},
        {"B\xc3\x9c" "CHER.Example", "xn--bcher-kva.example"},
        {"bu\xcc\x88" "cher.example", "xn--bcher-kva.example"},
        {".b\xc3\xbc" "cher.example", ".xn--bcher-kva.example"},
        {"stra\xc3\x9f" "e.example", "xn--strae-oqa.example"},
        {"\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
         "xn--r8jz45g.xn--zckzah"},
    };
    char ascii[IDNA_NAME_MAX];
    const char *why;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ok(idna_ascii(view_of(table[i].name), ascii, &why),
           "%s is a name", table[i].want);
        same(ascii, table[i].want, "in the form of the DNS");
    }
}

static void
test_bad(void)
{
    char ascii[IDNA_NAME_MAX], name[400];
    const char *why = "";

    ok(!idna_ascii(view_of("\xe2\x90\x80.example"), ascii, &why) && *why,
       "a picture of NUL is in no name: %s", why);
    ok(!idna_ascii(view_of("a\xff.example"), ascii, &why),
       "nor is what is no UTF-8: %s", why);
    ok(!idna_ascii(view_make("a\0b", 3), ascii, &why), "nor a NUL byte");
    memset(name, 'a', sizeof name);
    ok(!idna_ascii(view_make(name, sizeof name), ascii, &why),
       "nor 400 letters");
    for (size_t i = 0; i + 1 < sizeof name; i += 2)
        memcpy(name + i, "\xc3\xbc", 2);
    ok(!idna_ascii(view_make(name, 128), ascii, &why),
       "nor a U-label whose A-label is over 63 letters: %s", why);
}

int
main(void)
{
    test_good();
    test_bad();
    return tap_end();
}
