/* envelope.h - who sends, who gets, and what was asked for
 *
 * The same bytes travel in submit frames and stand in the queue file:
 * fields of u8 tag, u32 length, bytes.  SENDER comes first and once; what
 * belongs to a recipient follows its RCPT.  Pure. */
#ifndef BASE_ENVELOPE_H
#define BASE_ENVELOPE_H

#include "base/buf.h"

enum {
    ADDRESS_MAX = 1000,          /* bytes; RFC 5321 4.5.3.1 asks for 320 */
    ORCPT_MAX = 500,             /* RFC 3461 5.4 */
    ENVID_MAX = 100,             /* RFC 3461 5.4 */
    ENVELOPE_TEXT_MAX = 1000,    /* hold reason, caller, client facts */
    ENVELOPE_RCPT_MAX = 100000,  /* RFC 5321 4.5.3.1.8 asks for 100 */
    ENVELOPE_MAX = 32 << 20,     /* bytes in all */
};

enum envelope_tag {
    TAG_SENDER = 1,
    TAG_RCPT = 2,
    TAG_NOTIFY = 3,    /* u8 of NOTIFY_* bits, after RCPT */
    TAG_ORCPT = 4,     /* after RCPT, as given (RFC 3461 4.2) */
    TAG_RET = 5,       /* u8 of RET_* */
    TAG_ENVID = 6,
    TAG_BODY = 7,      /* u8 of BODY_* */
    TAG_FLAGS = 8,     /* u32 of ENVELOPE_* bits */
    TAG_NOTBEFORE = 9, /* u64 seconds: no attempt before */
    TAG_EXPIRE = 10,   /* u64 seconds: LATER becomes NEVER after */
    TAG_HOLD = 11,     /* accepted on hold, and why */
    TAG_CALLER = 12,   /* set by enqueue alone: who handed it in */
    TAG_CLIENT = 13,   /* by smtpd alone: client address and name */
    TAG_AUTH = 14,     /* by smtpd alone: authenticated user */
    TAG_TLS = 15,      /* by smtpd alone: protocol and cipher */
    TAG_ANSWERS = 16,  /* by manager alone: "ID:1,2", what a bounce answers */
    TAG_CHOSENID = 17, /* by manager alone: u64, never stored */
    TAG_VIA = 18,      /* the protocol word, "sendmail", "queue", "esmtp" */
};

enum { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4,
       NOTIFY_DELAY = 8 };
enum { RET_FULL = 1, RET_HDRS = 2 };
enum { BODY_7BIT = 1, BODY_8BITMIME = 2, BODY_BINARYMIME = 3 };
enum { ENVELOPE_SMTPUTF8 = 1, ENVELOPE_REQUIRETLS = 2 };

struct envelope_rcpt {
    struct view address;
    struct view orcpt;  /* empty: none */
    uint8_t notify;     /* 0: not said */
};

/* Views point into the bytes that were parsed; rcpts is owned. */
struct envelope {
    struct view sender; /* empty: the null sender */
    struct view envid, hold, caller, client, auth, tls, answers, via;
    uint8_t ret, body;
    uint32_t flags;
    uint64_t notbefore, expire, chosenid;
    uint32_t rcpt_count;
    struct envelope_rcpt *rcpts;
};

/* One field, appended. */
void envelope_put(struct buf *b, enum envelope_tag tag, struct view value);
void envelope_put8(struct buf *b, enum envelope_tag tag, uint8_t n);
void envelope_put32(struct buf *b, enum envelope_tag tag, uint32_t n);
void envelope_put64(struct buf *b, enum envelope_tag tag, uint64_t n);

/* All of e but chosenid, in the order of the tags. */
void envelope_print(struct buf *b, const struct envelope *e);

/* Trusts nothing.  0, or: -EBADMSG not an envelope (why names the fault);
 * -ENOTSUP a tag this version doesn't know; -E2BIG a named limit (why);
 * -EDESTADDRREQ no recipient.  why may be NULL. */
int envelope_parse(struct envelope *e, struct view bytes, const char **why);

void envelope_free(struct envelope *e);

#endif
