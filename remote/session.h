/* session.h - one connection to a server, and the dialogue over it */
#ifndef REMOTE_SESSION_H
#define REMOTE_SESSION_H

#include "remote/content.h"
#include "remote/mx.h"
#include "remote/secure.h"
#include "remote/sessions.h"
#include "remote/smtp_client.h"

enum {
    SESSION_MAILS_MAX = 100, /* sent over one connection */
    SESSION_TLS_PORT = 465,  /* RFC 8314 3.3 */
};

/* How a session and a piece of work part. */
enum session_end {
    SESSION_DONE,      /* the transaction is over; who is open still goes in
                          another one */
    SESSION_LOST,      /* MAIL was never answered: may be tried elsewhere */
    SESSION_NOTLS,     /* the same, for TLS failed: perhaps in clear */
    SESSION_UNREACHED, /* there was no connection at all */
};

/* A mail to be sent.  The session borrows it from session_send to done. */
struct session_work {
    struct smtp_mail mail;
    struct content content;
    uint64_t until;    /* by uv_now: no wait goes beyond, but the last */
    /* Called once; the session knows the work no more.  why is set unless end
     * is SESSION_DONE. */
    void (*done)(struct session_work *w, enum session_end end,
                 const struct outcome *why);
};

struct session {
    uv_tcp_t tcp;
    uv_timer_t deadline;
    uv_connect_t connecting;
    uv_write_t write;
    int handles;               /* not yet closed; dies with the last one */
    bool closing, connected, writing, idle;
    int connect_error;         /* known at once; told with the work */
    struct sessions *all;      /* borrowed */
    struct tlspolicy policy;
    struct secure secure;
    struct smtp_client client;
    struct buf token;          /* what the client's secret views, if it does */
    struct buf sending;        /* commands on their way */
    struct session_work *work; /* borrowed; NULL: none */
    uint64_t begun;            /* by uv_now */
    unsigned mails;            /* sent so far */
    unsigned answers;          /* of the client when the deadline was set */
    enum smtp_stage stage;     /* the same */
    struct buf key;            /* sessions_key */
    char host[MX_HOST_MAX];
    TAILQ_ENTRY(session) age;  /* while idle */
    LIST_ENTRY(session) same;
};

/* What a session is for: all borrowed for the call but as. */
struct session_plan {
    struct view key;           /* sessions_key */
    struct tlspolicy policy;
    const struct auth_secret *secret; /* who we are; NULL: nobody */
    const struct bind_row *as; /* whence, and our name; NULL: as always */
};

/* Begins to connect, for work of the plan's key.  Never NULL; what goes wrong
 * is told to the work. */
struct session *session_open(struct sessions *all,
                             const struct mx_address *address,
                             const struct session_plan *plan);

/* Sends a mail over a new session or one from sessions_take.  done may be
 * called from within. */
void session_send(struct session *s, struct session_work *w);

/* The work's content has a piece more: call it from on_piece. */
void session_piece(struct session *s);

/* Gives all that is open of the work o, ends the connection, calls done. */
void session_abort(struct session *s, const struct outcome *o);

/* Ends the connection; only without work.  Twice is harmless. */
void session_close(struct session *s);

#endif
