#include <assert.h>
#include <string.h>

#include "remote/fit.h"
#include "remote/smtp_client.h"

void
smtp_mail_init(struct smtp_mail *m, const struct job *job,
               void (*settle)(struct smtp_mail *, uint32_t,
                              const struct outcome *))
{
    memset(m, 0, sizeof *m);
    m->job = job;
    m->open = job->rcpt_count;
    m->settle = settle;
}

void
smtp_mail_settle(struct smtp_mail *m, uint32_t i, const struct outcome *o)
{
    assert(i < m->job->rcpt_count);
    if (m->rcpt[i] == RCPT_SETTLED)
        return;
    m->rcpt[i] = RCPT_SETTLED;
    m->open--;
    m->settle(m, i, o);
}

void
smtp_mail_settle_all(struct smtp_mail *m, const struct outcome *o)
{
    for (uint32_t i = 0; i < m->job->rcpt_count; i++)
        smtp_mail_settle(m, i, o);
}

void
smtp_mail_check(struct smtp_mail *m)
{
    struct outcome o;

    if (!fit_address(m->job->sender)) {
        outcome_set(&o, NEVER, "5.1.7",
                    "the sender's address cannot stand in an SMTP command");
        smtp_mail_settle_all(m, &o);
        return;
    }
    outcome_set(&o, NEVER, "5.1.3",
                "the recipient's address cannot stand in an SMTP command");
    for (uint32_t i = 0; i < m->job->rcpt_count; i++)
        if (m->job->rcpts[i].address.len == 0 ||
            !fit_address(m->job->rcpts[i].address))
            smtp_mail_settle(m, i, &o);
}
