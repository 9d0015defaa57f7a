#include "remote/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "remote/session_io.h"
#include "remote/token.h"

static void drive(struct session *s);

static void
on_closed(uv_handle_t *h)
{
    struct session *s = h->data;

    if (--s->handles > 0)
        return;
    s->all->count--;
    smtp_client_free(&s->client);
    buf_free(&s->sending);
    buf_free(&s->key);
    buf_free(&s->token);
    secure_free(&s->secure);
    free(s);
}

void
session_close(struct session *s)
{
    assert(!s->work);
    if (s->closing)
        return;
    s->closing = true;
    sessions_forget(s->all, s);
    uv_close((uv_handle_t *)&s->tcp, on_closed);
    uv_close((uv_handle_t *)&s->deadline, on_closed);
}

static void
lost(struct session *s, const char *why)
{
    smtp_client_lost(&s->client, "4.4.2", why);
    drive(s);
}

static void
quit(struct session *s)
{
    sessions_forget(s->all, s);
    smtp_client_quit(&s->client);
    drive(s);
    if (s->all->stopping)
        session_close(s); /* nobody waits for a farewell */
}

static void
unreached(struct session *s, const char *why)
{
    struct outcome o;

    outcome_set(&o, LATER, "4.4.1", "connect: %s", why);
    smtp_client_fail(&s->client, &o);
    drive(s);
}

static void
on_deadline(uv_timer_t *t)
{
    struct session *s = t->data;

    if (s->idle)
        quit(s);
    else if (!s->connected)
        unreached(s, "timed out");
    else
        lost(s, "timed out");
}

/* Seconds from now, but not beyond the end of the work. */
static void
set_deadline(struct session *s, unsigned seconds)
{
    uint64_t ms = (uint64_t)seconds * 1000, now = uv_now(s->all->loop);

    if (s->work && !smtp_client_ending(&s->client) &&
        now + ms > s->work->until)
        ms = s->work->until > now ? s->work->until - now : 0;
    uv_timer_start(&s->deadline, on_deadline, ms, 0);
}

static void
set_answer_deadline(struct session *s)
{
    unsigned wait = smtp_client_wait(&s->client);

    set_deadline(s, wait < s->all->answer_wait ? wait : s->all->answer_wait);
    s->answers = s->client.answers;
    s->stage = s->client.stage;
}

/* What was read is in the form that this server wants. */
static struct session_work *
part(struct session *s)
{
    struct session_work *w = s->work;

    if (w)
        content_forget(&w->content);
    s->work = NULL;
    return w;
}

static void
over(struct session *s)
{
    enum session_end end = !s->client.mail  ? SESSION_DONE
                           : !s->connected  ? SESSION_UNREACHED
                           : s->client.securing ? SESSION_NOTLS
                                                : SESSION_LOST;
    struct session_work *w = part(s);
    struct outcome why = s->client.failure;

    if (end != SESSION_DONE)
        log_event("session-failed host=%s code=%s why=%s", s->host, why.code,
                  why.text);
    session_close(s);
    if (w)
        w->done(w, end, &why);
}

/* Nothing is asked: the session waits for the next mail, or ends.  It is
 * kept before the work is told, for its owner may have more. */
static void
ready(struct session *s)
{
    struct sessions *all = s->all;
    struct session_work *w = part(s);

    s->mails++;
    s->stage = STAGE_READY;
    if (all->keep > 0 && !all->stopping && !s->client.full &&
        s->mails < SESSION_MAILS_MAX &&
        uv_now(all->loop) < s->begun + all->age * 1000ul) {
        set_deadline(s, all->keep);
        sessions_keep(all, s);
    } else {
        quit(s);
    }
    w->done(w, SESSION_DONE, NULL);
}

/* The server is known: so is the form that the content has to take.  True: a
 * piece is there. */
static bool
read_content(struct session *s)
{
    const struct smtp_client *client = &s->client;
    struct content *c = &s->work->content;

    if (!c->started)
        content_rewind(c, client->mail->job, client->chunks);
    if (client->convert && !c->started)
        content_convert(c, client->mail->job->flags,
                        client->extensions & SMTP_8BITMIME);
    return content_read(c, s->all->loop, s->all->count);
}

/* The piece as it is sent: BDAT before it, or a dot behind the last. */
static struct view
dress(struct smtp_client *client, struct content *c)
{
    struct view piece;

    if (client->chunks) {
        smtp_client_chunk(client, content_piece(c).len, c->ended);
        piece = content_behind(c, buf_view(&client->out));
    } else {
        if (c->ended) {
            smtp_client_dot(client);
            buf_addview(&c->piece, buf_view(&client->out));
        }
        piece = content_piece(c);
    }
    buf_clear(&client->out);
    return piece;
}

/* All of the message, behind the commands that are in out. */
static void
send_group(struct session *s)
{
    struct content *c = &s->work->content;

    _Static_assert(SMTP_GROUP_MAX <= (int)CONTENT_SMALL_PIECE, "one piece");
    assert(c->ended);
    smtp_client_chunk(&s->client, content_piece(c).len, true);
    buf_addview(&s->client.out, content_piece(c));
    buf_free(&c->piece);
    session_io_commands(s);
}

/* The next piece of the message.  False: the pool is reading it. */
static bool
send_content(struct session *s)
{
    struct content *c = &s->work->content;
    struct view piece;

    if (c->busy)
        return false;
    if ((!c->started || !c->ready ||
         (!c->ended && content_piece(c).len == 0)) && !read_content(s))
        return false;
    /* What it says before the final dot is out is not the answer to it. */
    if (c->ended && session_io_take_waiting(s))
        return true;
    c->ready = false;
    if (s->client.stage == STAGE_GROUP) {
        send_group(s);
        return true;
    }
    piece = dress(&s->client, c);
    set_answer_deadline(s);
    session_io_send(s, piece);
    /* What is encrypted is kept by secure.c until it is sent. */
    if (s->client.secured)
        buf_free(&c->piece);
    return true;
}

/* Does what the dialogue asks for, until it waits for somebody. */
static void
drive(struct session *s)
{
    struct smtp_client *c = &s->client;

    while (!s->closing) {
        switch (smtp_client_step(c)) {
        case SMTP_OVER:
            over(s);
            return;
        case SMTP_READY:
            /* An idle one may hear of TLS itself, which says nothing. */
            if (s->work)
                ready(s);
            return;
        case SMTP_HANDSHAKE:
            if (s->writing)
                goto wait;
            if (!s->secure.tls)
                session_io_handshake(s);
            if (s->secure.out.len == 0)
                goto wait;
            session_io_secure(s);
            break;
        case SMTP_CONTENT:
            if (s->writing || !send_content(s))
                goto wait;
            break;
        case SMTP_WAIT:
            if (s->writing || c->out.len == 0)
                goto wait;
            session_io_commands(s);
            break;
        }
    }
    return;
wait:
    if (s->answers != c->answers || s->stage != c->stage)
        set_answer_deadline(s);
}

static void
on_room(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct session *s = h->data;

    (void)suggested;
    *b = uv_buf_init(s->all->input, SESSIONS_INPUT);
}

static void
on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct session *s = stream->data;

    if (s->closing || n == 0)
        return;
    if (n < 0) {
        lost(s, "connection lost");
        return;
    }
    session_io_take(s, view_make(b->base, (size_t)n));
    if (s->client.stage != STAGE_OVER)
        session_io_secure(s);
    drive(s);
}

static void
on_connected(uv_connect_t *connecting, int status)
{
    struct session *s = connecting->data;

    if (s->closing)
        return;
    if (status < 0) {
        unreached(s, uv_strerror(status));
        return;
    }
    s->connected = true;
    uv_tcp_nodelay(&s->tcp, 1);
    set_answer_deadline(s);
    if ((status = uv_read_start((uv_stream_t *)&s->tcp, on_room, on_bytes)) < 0)
        lost(s, uv_strerror(status));
    else
        drive(s);
}

/* A token is read when it is needed: it is good for an hour or so. */
static void
use_secret(struct session *s, const struct auth_secret *secret)
{
    struct smtp_client *c = &s->client;
    int r;

    c->secret = *secret;
    c->known = true;
    if (!secret->token)
        return;
    r = token_read(s->all->token_folder, secret->secret, &s->token);
    c->secret.secret = buf_view(&s->token);
    if (r < 0)
        c->secret_missing = r == -EBADMSG ? "its file holds no token"
                            : r == -EPERM ? "others may read the token's file"
                                          : "the token's file cannot be read";
}

/* Of the family of the address; what has none there is not for us. */
static int
bind_source(struct session *s, const struct bind_row *as,
            const struct sockaddr *address)
{
    bool six = address->sa_family == AF_INET6;
    union mx_sockaddr source;

    if (!as || (!as->v4[0] && !as->v6[0]))
        return 0;
    if (!mx_literal(view_of(six ? as->v6 : as->v4), 0, &source))
        return UV_EADDRNOTAVAIL;
    return uv_tcp_bind(&s->tcp, &source.any, 0);
}

static void
connect_to(struct session *s, const struct bind_row *as,
           const struct sockaddr *address)
{
    s->connect_error = bind_source(s, as, address);
    if (s->connect_error == 0)
        s->connect_error = uv_tcp_connect(&s->connecting, &s->tcp, address,
                                          on_connected);
}

struct session *
session_open(struct sessions *all, const struct mx_address *address,
             const struct session_plan *plan)
{
    struct session *s = mem_alloc(sizeof *s);
    const struct bind_row *as = plan->as;

    sessions_make_room(all);
    all->count++;
    s->all = all;
    s->begun = uv_now(all->loop);
    s->handles = 2;
    s->tcp.data = s->deadline.data = s;
    s->connecting.data = s->write.data = s;
    memcpy(s->host, address->host, sizeof s->host);
    buf_addview(&s->key, plan->key);
    s->policy = plan->policy;
    if (s->policy.level == TLS_DANE_ONLY && address->dane)
        dane_copy(&s->secure.dane, address->dane);
    smtp_client_init(&s->client, as && as->helo[0] ? as->helo : all->helo);
    if (plan->secret)
        use_secret(s, plan->secret);
    s->client.tls_wanted = s->policy.level != TLS_NONE;
    s->client.tls_needed = s->policy.level >= TLS_ENCRYPT;
    /* The port stands at the same place for both families. */
    if (address->address.in.sin_port == htons(SESSION_TLS_PORT))
        smtp_client_implicit(&s->client);
    uv_tcp_init(all->loop, &s->tcp);
    uv_timer_init(all->loop, &s->deadline);
    connect_to(s, as, &address->address.any);
    return s;
}

void
session_send(struct session *s, struct session_work *w)
{
    assert(!s->work && !s->closing);
    s->work = w;
    smtp_client_mail(&s->client, &w->mail);
    if (!s->connected)
        set_deadline(s, s->all->connect_wait);
    if (s->connect_error < 0)
        unreached(s, uv_strerror(s->connect_error));
    else if (s->connected)
        drive(s);
}

void
session_piece(struct session *s)
{
    if (s->connected)
        drive(s);
}

void
session_abort(struct session *s, const struct outcome *o)
{
    smtp_client_abort(&s->client, o);
    drive(s);
}
