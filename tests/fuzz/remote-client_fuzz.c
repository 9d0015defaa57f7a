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

/* The next of the content.  Behind commands it is all of it. */
static bool
send_content(struct smtp_client *c, bool last)
{
    bool group = c->stage == STAGE_GROUP;

    CLAIM(group == (c->out.len > 0));
    last = last || group;
    if (c->chunks)
        smtp_client_chunk(c, 1, last);
    else if (last)
        smtp_client_dot(c);
    CLAIM(smtp_client_committed(c) == last);
    buf_clear(&c->out);
    smtp_client_sent(c);
    return last;
}

/* What a server says to one mail: each recipient is settled once, and DONE
 * only after the final dot or the last chunk was sent.  True: the session may
 * take another. */
static bool
play(struct smtp_client *c, struct view *rest)
{
    static struct job job;
    struct smtp_mail mail;
    enum smtp_step step;
    bool sent = false, other = false;
    struct view line = {0};
    struct outcome o;

    memset(settled, 0, sizeof settled);
    memset(done, 0, sizeof done);
    job.sender = view_of("a@b.example");
    job.length = 10;
    job.rcpt_count = 2;
    job.rcpts[0].address = view_of("x@c.example");
    job.rcpts[1].address = view_of("y@c.example");
    smtp_mail_init(&mail, &job, on_settled);
    step = smtp_client_mail(c, &mail);
    while (step != SMTP_OVER && step != SMTP_READY) {
        struct buf reply = {0};

        /* With a plus it comes before what we have to say is out; every other
         * piece is the last. */
        bool early = rest->len && *rest->data == '+';

        if (step == SMTP_CONTENT && !(early && c->out.len)) {
            other = !other;
            sent = send_content(c, other) || sent;
        }
        if (!view_line(rest, &line))
            break;
        if (line.len && *line.data == '+')
            line = view_from(line, 1);
        else
            buf_clear(&c->out);
        buf_addview(&reply, line);
        buf_addstr(&reply, "\r\n");
        step = smtp_client_feed(c, buf_view(&reply));
        buf_free(&reply);
        CLAIM(sent || (!done[0] && !done[1]));
    }
    if (step != SMTP_OVER && step != SMTP_READY) {
        smtp_client_lost(c, "4.4.2", "over");
        line.len = 0;
    }
    /* Tried elsewhere only if it cannot have arrived. */
    CLAIM(!c->mail || !sent ||
          view_is(view_make(line.data, line.len < 3 ? 0 : 3), "421"));
    outcome_set(&o, LATER, "4.4.2", "over");
    smtp_mail_settle_all(&mail, &o);
    CLAIM(settled[0] == 1 && settled[1] == 1);
    buf_clear(&c->out);
    return step == SMTP_READY && !c->full;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view all = exact(data, size), rest = all;
    struct smtp_client c;

    smtp_client_init(&c, "me.example");
    for (int i = 0; i < 4 && play(&c, &rest); i++)
        ;
    smtp_client_free(&c);
    free((void *)all.data);
    return 0;
}
