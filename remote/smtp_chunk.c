#include <assert.h>

#include "remote/smtp_transaction.h"

void
smtp_client_chunk(struct smtp_client *c, size_t size, bool last)
{
    assert(c->stage == STAGE_GROUP ? last : smtp_chunk_may_go(c));
    buf_print(&c->out, "BDAT %zu%s\r\n", size, last ? " LAST" : "");
    c->chunk_leaving = true;
    c->dotted = last;
    if (c->stage == STAGE_GROUP)
        c->stage = STAGE_MAIL;
}

/* Only with PIPELINING before the last one is answered (RFC 3030 2). */
bool
smtp_chunk_may_go(const struct smtp_client *c)
{
    return c->stage == STAGE_CHUNK && !c->chunk_leaving && !c->dotted &&
           !c->chunk_refused && (c->ahead || c->chunks_open == 0);
}

bool
smtp_chunk_unasked(const struct smtp_client *c)
{
    return c->stage == STAGE_CHUNK && c->chunks_open == 0;
}

/* From now on an answer is one to this chunk. */
void
smtp_chunk_sent(struct smtp_client *c)
{
    if (!c->chunk_leaving)
        return;
    c->chunk_leaving = false;
    c->chunks_open++;
    if (c->dotted && c->stage == STAGE_CHUNK)
        c->stage = STAGE_LAST;
}

void
smtp_go_chunk(struct smtp_client *c)
{
    c->stage = c->dotted && !c->chunk_leaving ? STAGE_LAST : STAGE_CHUNK;
}

/* A server that refuses a chunk has lost the mail: all later ones are
 * refused too, until RSET (RFC 3030 2).  One that takes the last of them
 * nevertheless may have delivered it. */
static void
end_refused(struct smtp_client *c, bool last)
{
    if (last && c->reply.code / 100 == 2)
        outcome_set(&c->failure, LATER, "4.5.0",
                    "BDAT: the server refused a part of the message and took "
                    "the last: it may have been delivered");
    smtp_settle_accepted(c, &c->failure);
    smtp_finish(c);
}

/* A server may want its answers to RCPT heard before a chunk comes, whatever
 * it offers: that says nothing about the mail. */
static bool
wants_no_group(const struct smtp_client *c)
{
    return c->grouped && c->reply.code == 503 && !c->delayed &&
           c->accepted > 0;
}

/* Refused for certain, so it may go at once, now step by step. */
static void
go_apart(struct smtp_client *c)
{
    struct smtp_mail *m = c->mail;

    c->apart = m->apart = true;
    for (uint32_t i = 0; i < m->job->rcpt_count; i++)
        if (m->rcpt[i] == RCPT_ACCEPTED)
            m->rcpt[i] = RCPT_OPEN;
    smtp_finish(c);
}

void
smtp_on_chunk(struct smtp_client *c)
{
    bool last = c->chunks_open == 1 && c->stage == STAGE_LAST;
    struct outcome o;

    if (c->reply.code / 100 == 3) {
        smtp_fail_by_reply(c);
    } else if (wants_no_group(c)) {
        go_apart(c);
    } else if (last && !c->chunk_refused) {
        c->dirty = smtp_judge(c, &o) != DONE;
        c->proven = c->proven || !c->dirty;
        smtp_settle_accepted(c, &o);
        smtp_finish(c);
    } else {
        if (c->reply.code / 100 != 2 && !c->chunk_refused) {
            smtp_judge(c, &c->failure);
            c->chunk_refused = true;
        }
        c->chunks_open--;
        if (c->chunk_refused && c->chunks_open == 0 && !c->chunk_leaving)
            end_refused(c, last);
    }
}
