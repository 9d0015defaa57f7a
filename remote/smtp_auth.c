#include "remote/smtp_transaction.h"

/* Never the fault of a mail. */
static void
fail_auth(struct smtp_client *c, const char *why)
{
    struct outcome o;

    outcome_set(&o, LATER, "4.7.0", "AUTH: %s", why);
    smtp_client_fail(c, &o);
}

static void
put_auth(struct smtp_client *c, struct view challenge)
{
    struct buf answer = {0};

    if (auth_step(c->auth, challenge, &answer)) {
        /* RFC 4954 4: an empty one at the beginning is "=". */
        if (c->stage != STAGE_AUTH)
            buf_addstr(&c->out, answer.len ? " " : " =");
        buf_addview(&c->out, buf_view(&answer));
        buf_addstr(&c->out, "\r\n");
    } else {
        fail_auth(c, "the server's challenge makes no sense");
    }
    buf_free(&answer);
}

void
smtp_start_auth(struct smtp_client *c)
{
    c->auth = auth_new(&c->secret, buf_view(&c->auth_words));
    if (!c->auth) {
        fail_auth(c, "the host offers no mechanism that is known here");
        return;
    }
    buf_print(&c->out, "AUTH %s", auth_mechanism(c->auth));
    if (auth_begins(c->auth))
        put_auth(c, view_of(""));
    else
        buf_addstr(&c->out, "\r\n");
    if (c->stage != STAGE_OVER)
        c->stage = STAGE_AUTH;
}

void
smtp_on_auth(struct smtp_client *c)
{
    struct view challenge = view_trim(buf_view(&c->reply.text));

    while (challenge.len && challenge.data[challenge.len - 1] == '\n')
        challenge.len--;
    if (c->reply.code == 334) {
        put_auth(c, challenge);
    } else if (c->reply.code / 100 != 2) {
        smtp_fail_by_reply(c);
    } else if (!auth_done(c->auth)) {
        fail_auth(c, "the server did not prove that it knows the secret");
    } else {
        auth_free(c->auth);
        c->auth = NULL;
        smtp_begin_mail(c);
    }
}
