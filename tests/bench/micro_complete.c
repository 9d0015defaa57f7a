/* micro_complete - a header of 12 fields completed, as `sendmail -t` does
 *
 * usage: micro_complete N
 * Date and Message-ID are missing, one of four recipients has no domain; the
 * recipients are taken from the header. */
#include "inject/complete.h"
#include "tests/bench/micro.h"

enum { COUNT_MAX = 1000000, RCPTS = 4 };

static const char header[] =
    "From: Ann Example <ann@src.test>\n"
    "Reply-To: \"The office\" <office@src.test>\n"
    "To: Bob Example <bob@domain1.test>, cyd@domain2.test\n"
    "Cc: dora,\n"
    "\t\"Example, Eve\" <eve@domain3.test>\n"
    "Subject: Minutes of the meeting on Monday, second version\n"
    "In-Reply-To: <0SADEKC03SQQG.123456789abcdef0@src.test>\n"
    "References: <0SADEKC03SQQG.0000000000000001@src.test>\n"
    " <0SADEKC03SQQG.123456789abcdef0@src.test>\n"
    "MIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=utf-8\n"
    "Content-Transfer-Encoding: 8bit\n"
    "User-Agent: example 1.2.3\n"
    "X-Priority: 3\n";

int
main(int argc, char **argv)
{
    unsigned n = micro_number(argc, argv, 1, COUNT_MAX);
    static const struct rewrite nothing;
    struct complete_facts facts = {
        .rewrite = &nothing,
        .names = {"me.test", "host.test", "domain.test", ""},
        .idhost = "id.test",
        .from = view_of("ann@host.test"),
        .now_ms = 1795382400000,
        .take_rcpts = true,
    };

    while (n--) {
        struct complete c = {0};
        struct rcpts rcpts = {0};
        struct outcome o;

        facts.chance = n;
        micro_must(complete_header(&c, view_of(header), &facts, &rcpts, &o) ==
                           DONE && rcpts.count == RCPTS, "complete_header");
        complete_free(&c);
        rcpts_free(&rcpts);
    }
    return 0;
}
