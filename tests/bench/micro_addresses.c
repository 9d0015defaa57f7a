/* micro_addresses - a list of 20 addresses read, in the forms people write
 *
 * usage: micro_addresses N */
#include "base/addrlist.h"
#include "tests/bench/micro.h"

enum { COUNT_MAX = 1000000, ADDRESSES = 20 };

/* Ten bare ones, six with a name, two with a quoted name, one with a comment
 * and one without a domain. */
static const char list[] =
    "ann@domain1.test, bob@domain2.test, cyd.example@domain3.test,\n"
    " dora@mail.domain4.test, eve@domain5.test, fay@domain6.test,\n"
    " gus+list@domain7.test, hal@domain8.test, ida@domain9.test,\n"
    " jon@domain10.test, Kim Example <kim@domain11.test>,\n"
    " Lee Example <lee@domain12.test>, Mia Example <mia@domain13.test>,\n"
    " Ned Example <ned@domain14.test>, Ora Example <ora@domain15.test>,\n"
    " Pia M Example <pia@domain16.test>, \"Example, Quy\"\n"
    " <quy@domain17.test>, \"Example, Ros\" <ros@domain18.test>,\n"
    " sam@domain19.test (Sam Example), tom";

int
main(int argc, char **argv)
{
    unsigned n = micro_number(argc, argv, 1, COUNT_MAX);

    while (n--) {
        struct addrlist_item item;
        struct buf kept = {0};
        struct addrlist l;
        unsigned count = 0;

        addrlist_open(&l, view_of(list));
        while (addrlist_next(&l, &item, &kept) == 1)
            count++;
        micro_must(count == ADDRESSES, "addrlist_next");
        buf_free(&kept);
    }
    return 0;
}
