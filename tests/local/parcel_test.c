#include "local/parcel.h"

#include <stdlib.h>

#include "tests/tap.h"

static struct job
job_of(uint64_t number, uint64_t length)
{
    struct job j = {.number = number, .id = number, .length = length,
                    .attempt = 1, .rcpt_count = 1,
                    .sender = view_of("ann@example.net")};

    j.rcpts[0].address = view_of("bob@example.org");
    return j;
}

static void
test_jobs(void)
{
    struct job one = job_of(1, 3), two = job_of(2, 0), got;
    struct buf b = {0};
    struct view rest, content;

    ok(parcel_add(&b, &one, view_of("abc")) &&
       parcel_add(&b, &two, view_make("", 0)), "jobs go one after another");
    rest = buf_view(&b);
    ok(parcel_take(&rest, &got, &content) == 1 && got.number == 1 &&
       view_is(content, "abc") && view_is(got.rcpts[0].address,
                                          "bob@example.org"),
       "and come out as they went in, with their content");
    ok(parcel_take(&rest, &got, &content) == 1 && got.number == 2 &&
       content.len == 0, "which one may not have");
    ok(parcel_take(&rest, &got, &content) == 0, "until there is none");
    buf_free(&b);
}

static void
test_full(void)
{
    static char big[16384];
    struct job j = job_of(1, sizeof big);
    struct view content = view_make(big, sizeof big);
    struct buf b = {0};
    unsigned n = 0;
    size_t len;

    while (parcel_add(&b, &j, content))
        n++;
    len = b.len;
    ok(n == 2 && len <= PARCEL_BYTES && len > 2 * sizeof big,
       "a parcel is no longer than it may be (%u)", n);
    ok(!parcel_add(&b, &j, content) && b.len == len,
       "and what does not fit is not in it");
    buf_free(&b);
}

/* Each cut is read from memory of its own size, so that a step beyond it is
 * seen by a sanitizer or valgrind. */
static bool
every_cut_is_bad(const struct buf *whole,
                 int (*take_all)(struct view rest))
{
    for (size_t len = 1; len < whole->len; len++) {
        char *part = malloc(len);
        int r;

        memcpy(part, whole->data, len);
        r = take_all(view_make(part, len));
        free(part);
        if (r >= 0)
            return false;
    }
    return take_all(buf_view(whole)) == 0;
}

static int
take_jobs(struct view rest)
{
    struct view content;
    struct job j;
    int r;

    while ((r = parcel_take(&rest, &j, &content)) > 0)
        ;
    return r;
}

static int
take_reports(struct view rest)
{
    struct report r;
    int n;

    while ((n = parcel_takereport(&rest, &r)) > 0)
        ;
    return n;
}

static void
test_cut(void)
{
    struct job j = job_of(1, 3);
    struct report r = {.number = 5};
    struct buf b = {0};

    parcel_add(&b, &j, view_of("abc"));
    ok(every_cut_is_bad(&b, take_jobs), "a job that is cut is none");
    put_u32(b.data, UINT32_MAX);
    ok(take_jobs(buf_view(&b)) < 0, "nor is one that says it is longer");
    buf_clear(&b);
    j.rcpt_count = 2;
    j.rcpts[1] = j.rcpts[0];
    parcel_add(&b, &j, view_of("abc"));
    ok(take_jobs(buf_view(&b)) < 0, "nor one of two recipients");
    buf_clear(&b);
    outcome_set(&r.outcome, DONE, "2.0.0", "stored");
    parcel_addreport(&b, &r);
    ok(every_cut_is_bad(&b, take_reports), "a report that is cut is none");
    buf_free(&b);
}

static void
test_reports(void)
{
    static char text[OUTCOME_TEXT_MAX + 1];
    struct report r = {0}, got;
    struct buf b = {0};
    struct view rest;
    bool good = true;
    unsigned n = 0;

    memset(text, 'x', OUTCOME_TEXT_MAX);
    memset(r.host, 'h', sizeof r.host - 1);
    outcome_set(&r.outcome, LATER, "4.10.10", "%s", text);
    for (unsigned i = 0; i < PARCEL_MAX; i++) {
        r.number = i;
        parcel_addreport(&b, &r);
    }
    ok(b.len <= PARCEL_REPORTS_MAX, "all reports have room (%zu)", b.len);
    rest = buf_view(&b);
    while (parcel_takereport(&rest, &got) > 0)
        good &= got.number == n++ && got.outcome.verdict == LATER;
    ok(good && n == PARCEL_MAX, "and come out as they went in");
    buf_free(&b);
}

int
main(void)
{
    test_jobs();
    test_full();
    test_cut();
    test_reports();
    return tap_end();
}
