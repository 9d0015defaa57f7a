#include "base/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/tap.h"

static struct job job, job_back;

static void
jobs(void)
{
    struct buf b = {0}, again = {0};
    bool good = true;

    job = (struct job){
        .number = 1, .id = 2, .birth = 3, .attempt = 4,
        .flags = JOB_REPEAT | JOB_LONG_LINE, .offset = 5, .length = 6,
        .ret = 1, .body = 2, .envid = view_of("e"),
        .sender = view_of("ann@x.test"), .site = view_of("y.test"),
        .route = view_of("relay.test"), .port = 587, .rcpt_count = 2,
    };
    memset(job.digest, 7, sizeof job.digest);
    job.rcpts[0] = (struct job_rcpt){9, 4, view_of("b@y.test"),
                                     view_of("rfc822;b")};
    job.rcpts[1] = (struct job_rcpt){8, 0, view_of("c@y.test"), view_of("")};
    job_print(&b, &job);
    ok(job_parse(&job_back, buf_view(&b)) == 0, "what was printed is read");
    job_print(&again, &job_back);
    ok(view_equal(buf_view(&b), buf_view(&again)), "with all its fields");
    for (size_t i = 0; i < b.len; i++)
        good = good && job_parse(&job_back, view_make(b.data, i)) == -EBADMSG;
    ok(good, "a job that is cut is none");
    buf_addbyte(&b, 0);
    ok(job_parse(&job_back, buf_view(&b)) == -EBADMSG,
       "nor is one with more behind it");
    job.rcpt_count = 0;
    buf_clear(&b);
    job_print(&b, &job);
    ok(job_parse(&job_back, buf_view(&b)) == -EBADMSG,
       "nor one without recipients");
    buf_free(&b);
    buf_free(&again);
}

static void
reports(void)
{
    struct report r = {.number = 1, .index = 2, .flags = REPORT_DAMAGED},
                  back;
    struct buf b = {0};
    bool good = true;

    outcome_set(&r.outcome, LATER, "4.4.2", "lost after DATA");
    strcpy(r.host, "mx.test[192.0.2.1]");
    report_print(&b, &r);
    ok(report_parse(&back, buf_view(&b)) == 0 && back.number == 1 &&
           back.index == 2 && back.flags == REPORT_DAMAGED &&
           back.outcome.verdict == LATER &&
           strcmp(back.outcome.code, "4.4.2") == 0 &&
           strcmp(back.outcome.text, "lost after DATA") == 0 &&
           strcmp(back.host, r.host) == 0,
       "a report is read as it was printed");
    for (size_t i = 0; i < b.len; i++)
        good = good && report_parse(&back, view_make(b.data, i)) == -EBADMSG;
    ok(good, "one that is cut is none");
    b.data[17] = '?';
    ok(report_parse(&back, buf_view(&b)) == 0 && back.outcome.verdict == LATER,
       "a letter that nobody knows is LATER");
    memcpy(memmem(b.data, b.len, "4.4.2", 5), "4\n4\x80\0", 5);
    memcpy(memmem(b.data, b.len, "after", 5), "\tf\0er", 5);
    ok(report_parse(&back, buf_view(&b)) == 0 &&
           strcmp(back.outcome.code, "4?4?") == 0 &&
           memcmp(back.outcome.text, "lost ?f\0\0", 9) == 0,
       "bytes that cannot be printed become '?', a zero byte is the end");
    buf_clear(&b);
    memset(r.outcome.text, 'x', OUTCOME_TEXT_MAX);
    memset(r.outcome.code, '9', sizeof r.outcome.code - 1);
    report_print(&b, &r);
    ok(report_parse(&back, buf_view(&b)) == 0 &&
           strcmp(back.outcome.code, r.outcome.code) == 0 &&
           strcmp(back.outcome.text, r.outcome.text) == 0,
       "code and text may fill their room");
    buf_free(&b);
}

static void
travel(void)
{
    struct buf b = {0};
    int pair[2], fd, got = -1;
    char *big = malloc(JOB_MAX + 1);

    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
    fd = open("/dev/null", O_RDONLY);
    ok(job_send(pair[0], view_of("one"), fd) == 0 &&
           job_send(pair[0], view_of("two"), -1) == 0,
       "datagrams are sent, with a descriptor and without");
    ok(job_recv(pair[1], &b, &got) == 3 && got >= 0 && strcmp(b.data, "one") ==
           0 && (fcntl(got, F_GETFD) & FD_CLOEXEC),
       "the descriptor comes with its own, closed on exec");
    close(got);
    ok(job_recv(pair[1], &b, &got) == 3 && got == -1 &&
           strcmp(b.data, "onetwo") == 0,
       "the other without, appended");
    memset(big, 'x', JOB_MAX + 1);
    job_send(pair[0], view_make(big, JOB_MAX + 1), fd);
    ok(job_recv(pair[1], &b, &got) == -EBADMSG && got == -1,
       "one that is too long comes with nothing to use");
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
    ok(job_recv(pair[1], &b, &got) == -EAGAIN, "none yet");
    close(pair[0]);
    ok(job_recv(pair[1], &b, &got) == 0, "none any more");
    close(pair[1]);
    close(fd);
    free(big);
    buf_free(&b);
}

int
main(void)
{
    jobs();
    reports();
    travel();
    return tap_end();
}
