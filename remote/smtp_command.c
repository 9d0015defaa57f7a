#include "remote/smtp_command.h"

#include "base/envelope.h"
#include "base/smtp.h"
#include "remote/fit.h"

void
smtp_command_mail(struct buf *out, const struct job *job, uint32_t extensions,
                  bool utf8)
{
    buf_addstr(out, "MAIL FROM:<");
    buf_addview(out, job->sender);
    buf_addstr(out, ">");
    if (extensions & SMTP_SIZE)
        buf_print(out, " SIZE=%ju", (uintmax_t)job->length);
    if ((extensions & SMTP_8BITMIME) &&
        (utf8 || (job->flags & (JOB_8BIT_BODY | JOB_8BIT_HEADER))))
        buf_addstr(out, " BODY=8BITMIME");
    if (utf8 && (extensions & SMTP_SMTPUTF8))
        buf_addstr(out, " SMTPUTF8");
    if ((job->flags & JOB_REQUIRETLS) && (extensions & SMTP_REQUIRETLS))
        buf_addstr(out, " REQUIRETLS");
    if (extensions & SMTP_DSN) {
        if (job->ret == RET_FULL || job->ret == RET_HDRS)
            buf_addstr(out, job->ret == RET_FULL ? " RET=FULL" : " RET=HDRS");
        if (fit_parameter(job->envid, ENVID_MAX)) {
            buf_addstr(out, " ENVID=");
            buf_addview(out, job->envid);
        }
    }
    buf_addstr(out, "\r\n");
}

static void
add_notify(struct buf *out, uint8_t notify)
{
    static const struct {
        uint8_t bit;
        const char *word;
    } words[] = {
        {NOTIFY_SUCCESS, "SUCCESS"},
        {NOTIFY_FAILURE, "FAILURE"},
        {NOTIFY_DELAY, "DELAY"},
    };
    const char *before = " NOTIFY=";

    if (notify & NOTIFY_NEVER) {
        buf_addstr(out, " NOTIFY=NEVER");
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (notify & words[i].bit) {
            buf_addstr(out, before);
            buf_addstr(out, words[i].word);
            before = ",";
        }
}

void
smtp_command_rcpt(struct buf *out, const struct job_rcpt *rcpt,
                  uint32_t extensions)
{
    buf_addstr(out, "RCPT TO:<");
    buf_addview(out, rcpt->address);
    buf_addstr(out, ">");
    if (extensions & SMTP_DSN) {
        add_notify(out, rcpt->notify);
        if (fit_parameter(rcpt->orcpt, ORCPT_MAX)) {
            buf_addstr(out, " ORCPT=");
            buf_addview(out, rcpt->orcpt);
        }
    }
    buf_addstr(out, "\r\n");
}
