/* micro_job - a job to those who deliver, and its reports back
 *
 * usage: micro_job N RECIPIENTS
 * Of each the forms alone: job_print, job_parse, and for each recipient, at
 * most JOB_RCPT_MAX, outcome_set, report_print and report_parse; without the
 * sockets between. */
#include <string.h>

#include "base/job.h"
#include "tests/bench/micro.h"

enum { COUNT_MAX = 1000000 };

static struct job sent, got;
static char addresses[JOB_RCPT_MAX][32];

static void
make_job(unsigned rcpts)
{
    sent = (struct job){.id = 0x1234567890abcd, .birth = 1800000000,
                        .attempt = 1, .offset = 512, .length = 4096,
                        .sender = view_of("sender@src.test"),
                        .site = view_of("domain1234.test"),
                        .rcpt_count = rcpts};
    for (unsigned i = 0; i < rcpts; i++) {
        snprintf(addresses[i], sizeof addresses[i], "user%u@domain1234.test",
                 i);
        sent.rcpts[i].index = i;
        sent.rcpts[i].address = view_of(addresses[i]);
    }
}

static void
report(uint32_t index)
{
    static const char host[] = "mx1.domain1234.test[192.0.2.123]";
    struct report r = {.number = got.number, .index = index}, back;
    struct buf b = {0};

    memcpy(r.host, host, sizeof host);
    outcome_set(&r.outcome, DONE, "2.0.0", "%s",
                "250 2.0.0 Ok: queued as 4T0x2g3Kq9z12");
    report_print(&b, &r);
    micro_must(report_parse(&back, buf_view(&b)) == 0 &&
                   back.index == index && back.outcome.verdict == DONE,
               "report_parse");
    buf_free(&b);
}

int
main(int argc, char **argv)
{
    unsigned n = micro_number(argc, argv, 1, COUNT_MAX);

    make_job(micro_number(argc, argv, 2, JOB_RCPT_MAX));
    while (n--) {
        struct buf b = {0};

        sent.number = n;
        job_print(&b, &sent);
        micro_must(job_parse(&got, buf_view(&b)) == 0 && got.number == n,
                   "job_parse");
        for (uint32_t i = 0; i < got.rcpt_count; i++)
            report(got.rcpts[i].index);
        buf_free(&b);
    }
    return 0;
}
