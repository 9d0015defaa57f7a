#include "inject/qmail_envelope.h"

#include "base/envelope.h"
#include "tests/tap.h"

int
main(void)
{
    static const char good[] = "Fann\0Tbob\0Tc d@x.test\0";
    struct buf fields = {0};
    struct envelope e;
    bool cut = true;

    ok(qmail_envelope_read(view_make(good, sizeof good), "no.test",
                           &fields) == 0 &&
           envelope_parse(&e, buf_view(&fields), NULL) == 0 &&
           e.rcpt_count == 2 && view_is(e.sender, "ann") &&
           view_is(e.rcpts[0].address, "bob@no.test") &&
           view_is(e.rcpts[1].address, "\"c d\"@x.test"),
       "qmail's envelope becomes ours");
    envelope_free(&e);
    for (size_t i = 0; i < sizeof good; i++) {
        buf_clear(&fields);
        cut = cut && qmail_envelope_read(view_make(good, i), "no.test",
                                         &fields) == 54;
    }
    ok(cut, "cut at any byte it is 54");
    buf_clear(&fields);
    qmail_envelope_read(view_make("F\0T\xc3\xb6@x\0\0", 9), "h", &fields);
    ok(envelope_parse(&e, buf_view(&fields), NULL) == 0 &&
           e.flags == ENVELOPE_SMTPUTF8,
       "RFC 6531: an address in UTF-8 is flagged");
    envelope_free(&e);
    buf_free(&fields);
    return tap_end();
}
