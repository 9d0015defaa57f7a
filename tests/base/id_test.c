#include "base/id.h"

#include "tests/tap.h"

/* 2026-11-22T21:20:00.123Z */
static const uint64_t now_ms = 1795382400123;

int
main(void)
{
    id_text text, other;
    uint64_t id = id_make(now_ms, 0xffffffff), back = 0;

    ok(id_ms(id) == now_ms, "an id tells its moment");
    id_print(id, text);
    ok(strlen(text) == ID_LEN && id_parse(view_of(text), &back) && back == id,
       "it is read as it was printed");
    id_print(id_make(now_ms + 1, 0), other);
    ok(strcmp(text, other) < 0, "ids sort by time, as text");
    ok(id_make(0, 0) != 0 && id_make(now_ms, 0) != id,
       "no id is 0; the tail parts those of one millisecond");
    for (char *p = text; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    ok(id_parse(view_of(text), &back) && back == id, "small letters are read");
    ok(!id_parse(view_of("0000000000000"), &back), "0 is no id");
    ok(!id_parse(view_of("G000000000000"), &back), "nor what has 65 bits");
    ok(id_parse(view_of("FZZZZZZZZZZZZ"), &back) && back == UINT64_MAX,
       "the last one has 64");
    ok(!id_parse(view_of("000000000000I"), &back) &&
           !id_parse(view_of("000000000000-"), &back) &&
           !id_parse(view_make("0000000000001\0", 14), &back) &&
           !id_parse(view_make("00000000000\0" "1", 13), &back) &&
           !id_parse(view_of("000000000001"), &back),
       "nor other letters or lengths");
    return tap_end();
}
