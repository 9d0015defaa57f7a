#include "remote/smtp_client.h"
#include "tests/fuzz/fuzz.h"

static unsigned settled[2];
static bool done[2];

static void
on_settled(struct smtp_mail *m, uint32_t i, const struct outcome *o)
{
    (void)m;
    settled[i]++;
    done[i] = o->verdict == DONE;
}

/* A server that says anything: each recipient is settled once, and DONE only
 * after the final dot or the last chunk was sent. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view all = exact(data, size), rest = all, line;
    static struct job job;
    struct smtp_mail mail;
    struct smtp_client c;
    enum smtp_step step = SMTP_WAIT;
    bool sent = false, last = false;
    struct outcome o;

    memset(settled, 0, sizeof settled);
    memset(done, 0, sizeof done);
    job.sender = view_of("a@b.example");
    job.length = 10;
    job.rcpt_count = 2;
    job.rcpts[0].address = view_of("x@c.example");
    job.rcpts[1].address = view_of("y@c.example");
    smtp_mail_init(&mail, &job, on_settled);
    smtp_client_init(&c, "me.example");
    smtp_client_mail(&c, &mail);
    while (step != SMTP_OVER && view_line(&rest, &line)) {
        struct buf reply = {0};

        /* With a plus it comes before our command is out. */
        if (line.len && *line.data == '+')
            line = view_from(line, 1);
        else
            buf_clear(&c.out);
        buf_addview(&reply, line);
        buf_addstr(&reply, "\r\n");
        step = smtp_client_feed(&c, buf_view(&reply));
        buf_free(&reply);
        if (step == SMTP_CONTENT) {
            CLAIM(c.out.len == 0);
            /* Every other line brings the last piece. */
            last = !last;
            if (c.chunks)
                smtp_client_chunk(&c, 1, last);
            else if (last)
                smtp_client_dot(&c);
            buf_clear(&c.out);
            smtp_client_sent(&c);
            sent = sent || last;
        }
        CLAIM(sent || (!done[0] && !done[1]));
        if (step == SMTP_READY)
            break;
    }
    outcome_set(&o, LATER, "4.4.2", "over");
    smtp_client_fail(&c, &o);
    smtp_mail_settle_all(&mail, &o);
    CLAIM(settled[0] == 1 && settled[1] == 1);
    smtp_client_free(&c);
    free((void *)all.data);
    return 0;
}
