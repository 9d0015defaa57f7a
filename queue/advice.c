#include "queue/advice.h"

/* By subject and detail of the code (RFC 3463 3); the first row that the
 * code begins with.  The class says nothing here. */
static const struct {
    const char *detail;
    const char *words;
} rows[] = {
    {"1.0", "Please check the address."},
    {"1.1", "There is no such mailbox. Please check the address, above all "
            "the part before the @."},
    {"1.2", "The part behind the @ takes no mail. Please check it for a slip "
            "of the pen."},
    {"1.3", "The address is not well-formed. Please check it."},
    {"1.6", "The mailbox has moved. Please ask for the new address."},
    {"1.7", "Your own address was refused. Please check how your mail "
            "program is set up."},
    {"1.8", "Your own address was refused. Please check how your mail "
            "program is set up."},
    {"1.10", "The part behind the @ says that it takes no mail at all. "
             "Please check the address."},
    {"2.1", "The mailbox is closed. Please reach the recipient in another "
            "way."},
    {"2.2", "The mailbox is full. Please try again in a few days, or reach "
            "the recipient in another way."},
    {"2.3", "The message is too large for this mailbox. Please send less, or "
            "in parts."},
    {"3.4", "The message is too large for the other side. Please send less, "
            "or in parts."},
    {"4.6", "The message went in a circle. This must be mended at the "
            "recipient's side: please reach them in another way."},
    {"6.7", "The other side cannot take addresses with letters like these. "
            "Please ask for one in plain letters."},
    {"6", "The other side cannot take this kind of content. Please send it "
          "in another form."},
    {"7", "The other side refused the message by its rules. If its words do "
          "not help, please reach the recipient in another way."},
};

struct view
advice_for(struct view code, bool expired)
{
    struct view rest = view_from(code, view_find(code, '.') + 1);

    for (size_t i = 0; !expired && i < sizeof rows / sizeof *rows; i++) {
        struct view detail = view_of(rows[i].detail);
        struct view tail = view_from(rest, detail.len);

        if (rest.len >= detail.len &&
            view_equal(view_make(rest.data, detail.len), detail) &&
            (tail.len == 0 || tail.data[0] == '.'))
            return view_of(rows[i].words);
    }
    if (expired)
        return view_of("You may send the message again, or reach the "
                       "recipient in another way.");
    return view_of("If these words do not help, please show this notice to "
                   "whoever looks after your mail.");
}
