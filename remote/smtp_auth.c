#include "remote/smtp_transaction.h"

enum { LINE_MAX_BYTES = 512 - 2 }; /* of a command: RFC 5321 4.5.3.1.4 */

/* Never the fault of a mail. */
static void
fail_auth(struct smtp_client *c, const char *why)
{
    struct outcome o;

    outcome_set(&o, LATER, "4.7.0", "AUTH: %s", why);
    smtp_client_fail(c, &o);
}

/* The first answer goes with the command, "=" if it is empty, or where the
 * line would be too long waits for a challenge (RFC 4954 4). */
static void
put_first(struct smtp_client *c)
{
    struct buf first = {0};

    buf_print(&c->out, "AUTH %s", auth_mechanism(c->auth));
    if (auth_begins(c->auth)) {
        auth_step(c->auth, view_of(""), &first);
        if (c->out.len + 1 + first.len > LINE_MAX_BYTES) {
            c->auth_first = first;
            first = (struct buf){0};
        } else {
            buf_print(&c->out, " %s", first.len ? first.data : "=");
        }
    }
    buf_addstr(&c->out, "\r\n");
    buf_free(&first);
}

void
smtp_start_auth(struct smtp_client *c)
{
    if (c->secret_missing) {
        fail_auth(c, c->secret_missing);
        return;
    }
    c->auth = auth_new(&c->secret, buf_view(&c->auth_words));
    if (!c->auth) {
        fail_auth(c, "the host offers no mechanism that is known here");
        return;
    }
    put_first(c);
    c->stage = STAGE_AUTH;
}

static void
answer_challenge(struct smtp_client *c, struct view challenge)
{
    struct buf answer = c->auth_first;

    c->auth_first = (struct buf){0};
    if (answer.len || auth_step(c->auth, challenge, &answer)) {
        buf_addview(&c->out, buf_view(&answer));
        buf_addstr(&c->out, "\r\n");
    } else {
        fail_auth(c, "the server's challenge makes no sense");
    }
    buf_free(&answer);
}

void
smtp_on_auth(struct smtp_client *c)
{
    struct view challenge = view_trim(buf_view(&c->reply.text));

    while (challenge.len && challenge.data[challenge.len - 1] == '\n')
        challenge.len--;
    if (c->reply.code == 334) {
        answer_challenge(c, challenge);
    } else if (c->reply.code / 100 != 2) {
        smtp_fail_by_reply(c);
    } else if (!auth_done(c->auth) || c->auth_first.len) {
        fail_auth(c, "the server did not prove that it knows the secret");
    } else {
        auth_free(c->auth);
        c->auth = NULL;
        smtp_begin_mail(c);
    }
}
