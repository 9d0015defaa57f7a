#include "base/job.h"
#include "tests/fuzz/fuzz.h"

static void
job(struct view bytes)
{
    static struct job j, back;
    struct buf once = {0}, twice = {0};

    if (job_parse(&j, bytes) < 0)
        return;
    CLAIM(j.rcpt_count <= JOB_RCPT_MAX);
    job_print(&once, &j);
    CLAIM(job_parse(&back, buf_view(&once)) == 0);
    job_print(&twice, &back);
    CLAIM(view_equal(buf_view(&once), buf_view(&twice)));
    buf_free(&once);
    buf_free(&twice);
}

static void
report(struct view bytes)
{
    struct report r, back;
    struct buf once = {0}, twice = {0};

    if (report_parse(&r, bytes) < 0)
        return;
    CLAIM(memchr(r.host, 0, sizeof r.host) != NULL);
    CLAIM(memchr(r.outcome.text, 0, sizeof r.outcome.text) != NULL);
    report_print(&once, &r);
    CLAIM(report_parse(&back, buf_view(&once)) == 0);
    CLAIM(back.outcome.verdict == r.outcome.verdict);
    report_print(&twice, &back);
    CLAIM(view_equal(buf_view(&once), buf_view(&twice)));
    buf_free(&once);
    buf_free(&twice);
}

/* Both forms, and what was read is printed the same again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view bytes = exact(data, size);

    job(bytes);
    report(bytes);
    free((void *)bytes.data);
    return 0;
}
