#include "remote/session_io.h"

#include <errno.h>
#include <sys/socket.h>

/* The handshake has come to an end, or not yet. */
static void
look_at_handshake(struct session *s)
{
    struct outcome o;

    if (s->secure.state == TLS_HANDSHAKE)
        return;
    if (s->secure.state != TLS_OPEN) {
        outcome_set(&o, LATER, "4.7.5", "TLS: %s", tls_error(s->secure.tls));
        smtp_client_fail(&s->client, &o);
    } else if (!secure_check(&s->secure, &s->policy, &o)) {
        smtp_client_fail(&s->client, &o);
    } else {
        smtp_client_secured(&s->client, s->secure.verified);
    }
}

bool
session_io_take(struct session *s, struct view bytes)
{
    struct secure *t = &s->secure;
    bool said;

    if (!t->tls) {
        smtp_client_feed(&s->client, bytes);
        return true;
    }
    secure_take(t, bytes);
    if (s->client.securing)
        look_at_handshake(s);
    said = t->plain.len > 0;
    if (said && s->client.secured)
        smtp_client_feed(&s->client, buf_view(&t->plain));
    buf_free(&t->plain);
    if (t->state >= TLS_CLOSED && s->client.stage != STAGE_OVER) {
        smtp_client_lost(&s->client, "4.4.2", "connection lost");
        return true;
    }
    return said;
}

bool
session_io_take_waiting(struct session *s)
{
    uv_os_fd_t fd;
    ssize_t n;

    if (uv_fileno((uv_handle_t *)&s->tcp, &fd) < 0)
        return false;
    n = recv(fd, s->all->input, sizeof s->all->input, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n > 0)
        return session_io_take(s, view_make(s->all->input, (size_t)n));
    smtp_client_lost(&s->client, "4.4.2", "connection lost");
    return true;
}

static void
sent(struct session *s)
{
    s->writing = false;
    secure_sent(&s->secure);
    smtp_client_sent(&s->client);
    /* The answer to the last of it may take minutes. */
    if (smtp_client_committed(&s->client) && s->work) {
        buf_free(&s->work->content.piece);
        buf_free(&s->sending);
    }
}

/* Nothing can be sent any more; what the server said before counts. */
static void
broken(struct session *s)
{
    s->writing = false;
    while (s->client.stage != STAGE_OVER && session_io_take_waiting(s))
        ;
    if (s->client.stage != STAGE_OVER)
        smtp_client_lost(&s->client, "4.4.2", "connection lost");
}

static void
on_written(uv_write_t *write, int status)
{
    struct session *s = write->data;

    s->writing = false;
    if (s->closing)
        return;
    if (status < 0)
        broken(s);
    else
        sent(s);
    session_piece(s);
}

/* Hands bytes to the system, which takes most at once; they stay where they
 * are while writing. */
static void
send_raw(struct session *s, struct view bytes)
{
    uv_buf_t b = uv_buf_init((char *)bytes.data, (unsigned)bytes.len);
    int n = 0;

    s->writing = true;
    if (bytes.len)
        n = uv_try_write((uv_stream_t *)&s->tcp, &b, 1);
    if (n == UV_EAGAIN)
        n = 0;
    if (n >= 0 && (size_t)n == bytes.len) {
        sent(s);
        return;
    }
    if (n >= 0) {
        b = uv_buf_init((char *)bytes.data + n,
                        (unsigned)(bytes.len - (size_t)n));
        n = uv_write(&s->write, (uv_stream_t *)&s->tcp, &b, 1, on_written);
    }
    if (n < 0)
        broken(s);
}

void
session_io_secure(struct session *s)
{
    if (s->secure.out.len > SECURE_OUT_MAX && s->writing)
        smtp_client_lost(&s->client, "4.4.2", "too many questions of TLS");
    else if (s->secure.out.len > 0 && !s->writing)
        send_raw(s, secure_next(&s->secure));
}

void
session_io_send(struct session *s, struct view bytes)
{
    if (!s->client.secured) {
        send_raw(s, bytes);
        return;
    }
    secure_put(&s->secure, bytes);
    if (s->secure.state == TLS_FAILED)
        smtp_client_lost(&s->client, "4.4.2", "connection lost");
    else
        send_raw(s, secure_next(&s->secure));
}

void
session_io_commands(struct session *s)
{
    struct buf empty = s->sending;

    buf_clear(&empty);
    s->sending = s->client.out;
    s->client.out = empty;
    session_io_send(s, buf_view(&s->sending));
}

void
session_io_handshake(struct session *s)
{
    struct buf key = {0};

    buf_print(&key, "%s %s", s->key.data, s->host);
    secure_start(&s->secure, s->all->tls, &s->policy, s->host, key.data);
    buf_free(&key);
    look_at_handshake(s);
}
