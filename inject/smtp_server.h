/* smtp_server.h - our side of the SMTP dialogue (RFC 5321), pure
 *
 * Bytes of the client in, events and reply bytes out; the caller moves the
 * bytes, decides about senders and recipients, keeps the message.  Commands
 * may come in one piece (RFC 2920).  Content comes out with LF lines, dots
 * undone (RFC 5321 4.5.2).  Only CRLF ends a line: a message with a bare CR
 * or LF is refused, so that no two programs see different ends of it. */
#ifndef INJECT_SMTP_SERVER_H
#define INJECT_SMTP_SERVER_H

#include "base/smtp.h"
#include "inject/smtp_params.h"

/* What is offered and allowed; borrowed. */
struct smtp_server_conf {
    const char *name;    /* of this host, in greeting and EHLO */
    uint32_t offers;     /* SMTP_* of base/smtp.h: PIPELINING, SIZE, 8BITMIME,
                          * SMTPUTF8, DSN, ENHANCED */
    uint64_t size_max;   /* bytes of a message; 0: no limit */
    unsigned rcpt_max;   /* recipients of a message */
    unsigned error_max;  /* refused commands before the end; 0: no limit */
    bool local;          /* a caller on this host: LF ends lines as well,
                          * HELO may be left out, the caller completes
                          * and judges domains */
};

enum smtp_server_event {
    SMTP_SERVER_MORE,    /* send out, then come with more bytes */
    SMTP_SERVER_MAIL,    /* sender and params are set: answer */
    SMTP_SERVER_RCPT,    /* rcpt and params are set: answer */
    SMTP_SERVER_DATA,    /* content wants to come: answer */
    SMTP_SERVER_CONTENT, /* content holds the next bytes of the message */
    SMTP_SERVER_END,     /* the message is whole: answer */
    SMTP_SERVER_VOID,    /* what was begun is void; no answer */
    SMTP_SERVER_CLOSE,   /* send out and hang up; no other event follows */
};

struct smtp_server {
    const struct smtp_server_conf *conf;
    struct buf out;         /* replies; the caller sends and empties it */
    struct buf helo;        /* the client's name, as it says */
    bool esmtp;             /* it said EHLO */
    struct buf sender;      /* kept (base/addr.h); empty: null */
    struct buf rcpt;
    struct smtp_params mail_params, params; /* of MAIL, and of RCPT */
    struct buf mail_line;   /* what mail_params point into */
    struct buf content;
    unsigned rcpt_count;    /* accepted */

    /* the dialogue's own */
    enum smtp_server_state {
        SMTP_SERVER_FRESH,  /* no greeting yet */
        SMTP_SERVER_IDLE,   /* no transaction */
        SMTP_SERVER_SENDER, /* MAIL was accepted */
        SMTP_SERVER_INSIDE, /* content is coming */
        SMTP_SERVER_CLOSED,
    } state;
    enum smtp_server_event asked; /* which answer is awaited, or MORE */
    struct buf line;
    bool line_too_long;
    unsigned errors;
    int place;              /* within a line of content */
    uint64_t size;          /* content bytes so far */
    struct outcome spoiled; /* why the content is refused, if verdict != 0 */
};

void smtp_server_init(struct smtp_server *s,
                      const struct smtp_server_conf *conf);
void smtp_server_free(struct smtp_server *s);

/* Takes bytes off *in up to the next event.  After MAIL, RCPT, DATA and END
 * smtp_server_answer must come before the next call. */
enum smtp_server_event smtp_server_next(struct smtp_server *s,
                                        struct view *in);

/* DONE accepts; o's text is told after END alone.  LATER and NEVER refuse
 * with o's code and text. */
void smtp_server_answer(struct smtp_server *s, const struct outcome *o);

/* Refuses to go on, whatever state: "421 4.3.2 text".  The next event is
 * CLOSE. */
void smtp_server_stop(struct smtp_server *s, const char *text);

#endif
