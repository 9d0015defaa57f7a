/* smtp_client.h - our side of the SMTP dialogue
 *
 * Pure: bytes of replies in, commands out; no socket, clock or file.  One
 * client lives as long as its connection and carries one mail at a time. */
#ifndef REMOTE_SMTP_CLIENT_H
#define REMOTE_SMTP_CLIENT_H

#include "base/job.h"
#include "base/smtp.h"
#include "remote/auth.h"
#include "remote/smtp_limits.h"

/* Bytes of a content that goes out with its MAIL and RCPT in one group, as
 * one chunk: what is read at once however many sessions there are, and about
 * what TCP sends in one round trip (RFC 6928 2). */
enum { SMTP_GROUP_MAX = 16384 };

/* What became of a recipient so far. */
enum { RCPT_OPEN, RCPT_ACCEPTED, RCPT_SETTLED };

/* One mail: a job, and what is known of each of its recipients. */
struct smtp_mail {
    const struct job *job;         /* borrowed */
    uint8_t rcpt[JOB_RCPT_MAX];    /* RCPT_* */
    bool named[JOB_RCPT_MAX];      /* takes part: gets a RCPT command */
    bool apart;                    /* was refused for its group's sake: goes in
                                      none again */
    uint32_t open;                 /* recipients not settled */
    /* Called once for each recipient, in any order. */
    void (*settle)(struct smtp_mail *m, uint32_t i, const struct outcome *o);
};

/* All recipients open. */
void smtp_mail_init(struct smtp_mail *m, const struct job *job,
                    void (*settle)(struct smtp_mail *, uint32_t,
                                   const struct outcome *));

/* Settles one open recipient, or all that are. */
void smtp_mail_settle(struct smtp_mail *m, uint32_t i,
                      const struct outcome *o);
void smtp_mail_settle_all(struct smtp_mail *m, const struct outcome *o);

/* Settles what no server could take: facts of the content, addresses that
 * cannot stand in a command. */
void smtp_mail_check(struct smtp_mail *m);

/* The oldest command without an answer, or what takes its place. */
enum smtp_stage {
    STAGE_GREETING,
    STAGE_EHLO,
    STAGE_HELO,
    STAGE_STARTTLS,
    STAGE_HANDSHAKE, /* the owner makes the connection secure */
    STAGE_AUTH,
    STAGE_READY,    /* nothing is asked */
    STAGE_GROUP,    /* MAIL and RCPT wait in out for the chunk that goes with
                       them */
    STAGE_RSET,
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_DATA,
    STAGE_CONTENT,  /* 354 came; the content goes out, then the dot */
    STAGE_DOT,
    STAGE_CHUNK,    /* chunks go out, and their answers come */
    STAGE_LAST,     /* the last chunk is out */
    STAGE_LONEDOT,  /* ends a DATA that nobody is left for */
    STAGE_QUIT,
    STAGE_OVER,     /* the connection is of no more use */
};

/* What the owner of the connection does next, after sending what is in
 * smtp_client.out. */
enum smtp_step {
    SMTP_WAIT,      /* wait for bytes, smtp_client_wait seconds at most */
    SMTP_HANDSHAKE, /* begin TLS, then smtp_client_secured */
    SMTP_CONTENT,   /* send the next of the content, see chunks below */
    SMTP_READY,     /* no mail is at hand: smtp_client_mail or _quit */
    SMTP_OVER,      /* close the connection */
};

struct smtp_client {
    struct buf out;         /* to be sent; the owner takes it */
    struct smtp_reply reply;
    const char *helo;       /* borrowed */
    struct smtp_mail *mail; /* borrowed; NULL: none */
    enum smtp_stage stage;
    uint32_t extensions;    /* SMTP_* the server offers */
    uint64_t size_limit;    /* of SIZE; 0: none */
    struct smtp_limits limits;
    bool full;              /* takes no further mail */
    uint32_t rcpt;          /* STAGE_RCPT: whose answer is awaited */
    uint32_t accepted;      /* recipients of this mail */
    unsigned answers;       /* replies taken so far */
    bool convert;           /* this mail's content has to be converted */
    bool chunks;            /* it goes by BDAT, before each piece
                               smtp_client_chunk; else by DATA, behind the
                               last smtp_client_dot */
    bool chunk_leaving;     /* one is on its way to the socket */
    bool chunk_refused;     /* and failure says how */
    unsigned chunks_open;   /* sent, and not answered */
    bool utf8;              /* an address of this mail needs SMTPUTF8 */
    bool tls_wanted;        /* by the owner: STARTTLS where it is offered */
    bool tls_needed;        /* by the owner: no mail without it */
    bool securing;          /* STARTTLS was said, and not refused */
    bool implicit;          /* TLS is spoken before the greeting */
    bool secured;           /* TLS is spoken */
    bool verified;          /* and the server is who it should be */
    bool known;             /* by the owner: we are the user of secret */
    const char *secret_missing; /* why it cannot be had; NULL: it is there */
    struct auth_secret secret;
    struct auth *auth;      /* owned; while it goes on */
    struct buf auth_first;  /* an answer that waits for its challenge */
    struct buf auth_words;  /* the mechanisms the server offers */
    bool ahead;             /* MAIL, RCPT and DATA go out in one go */
    bool grouped;           /* the only chunk goes with them */
    bool proven;            /* the server took a mail by chunks */
    bool apart;             /* and one in a group it did not want */
    bool dirty;             /* the next mail needs RSET first */
    bool delayed;           /* a 4yz was answered to this mail */
    bool dotted;            /* the final dot or last chunk was handed out */
    /* STAGE_OVER and mail set: it ended before MAIL was answered, so the mail
     * may be tried elsewhere; why, and LATER, or NEVER if all the others have
     * to refuse it too. */
    struct outcome failure;
};

/* Waits for the greeting; helo is our name.  tls_wanted tls_needed, known
 * and secret may be set behind it. */
void smtp_client_init(struct smtp_client *c, const char *helo);
void smtp_client_free(struct smtp_client *c);

/* The next mail; at any time before the client is ready, or when it is.
 * Recipients already settled are left out.  When the client is ready again,
 * some may be open still: they go in a next transaction, of a new session if
 * this one is full.  For want of room, then at least one was settled; or once
 * for all those accepted, where the server wants no chunk in a group. */
enum smtp_step smtp_client_mail(struct smtp_client *c, struct smtp_mail *m);

/* Bytes from the server. */
enum smtp_step smtp_client_feed(struct smtp_client *c, struct view bytes);

/* TLS comes first, before the greeting (RFC 8314 3.3); at the start. */
void smtp_client_implicit(struct smtp_client *c);

/* TLS is spoken from now on; what the server said before counts no more (RFC
 * 3207 4.2). */
enum smtp_step smtp_client_secured(struct smtp_client *c, bool verified);

/* All content is out and verified: puts the final dot into out.  What the
 * server says before smtp_client_sent is not taken for the answer to it. */
void smtp_client_dot(struct smtp_client *c);

/* Puts BDAT for size bytes of content into out (RFC 3030), which follow it at
 * once; last: no more will, and all content is verified.  If out is not empty
 * the commands in it go before it, and this chunk has to be the last. */
void smtp_client_chunk(struct smtp_client *c, size_t size, bool last);

/* All of out, the dot or chunk with it, is with the system's socket. */
void smtp_client_sent(struct smtp_client *c);

/* What the owner does next. */
enum smtp_step smtp_client_step(const struct smtp_client *c);

/* The connection is over, and o (LATER) is why: the outcome of what is open
 * of a mail whose MAIL was answered; else see failure. */
void smtp_client_fail(struct smtp_client *c, const struct outcome *o);

/* The same with code and the words "why stage", for a connection that was
 * lost or timed out. */
void smtp_client_lost(struct smtp_client *c, const char *code,
                      const char *why);

/* We end it ourselves: all that is open gets o. */
void smtp_client_abort(struct smtp_client *c, const struct outcome *o);

/* Says goodbye; only when ready. */
void smtp_client_quit(struct smtp_client *c);

/* The longest wait of this stage, in seconds: RFC 5321 4.5.3.2. */
unsigned smtp_client_wait(const struct smtp_client *c);

/* Whether the final dot or the last chunk was handed out and not answered:
 * the server may have the mail. */
bool smtp_client_committed(const struct smtp_client *c);

/* Whether that answer is the next one: it may take its time. */
bool smtp_client_ending(const struct smtp_client *c);

#endif
