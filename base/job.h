/* job.h - the forms between the manager and those who deliver
 *
 * Manager to deliverer: one SOCK_SEQPACKET datagram per job, with the
 * message's descriptor (read-only).  Back: one datagram per recipient.
 * design.md, "Jobs".  Encoding and decoding are pure. */
#ifndef BASE_JOB_H
#define BASE_JOB_H

#include "base/digest.h"
#include "base/verdict.h"

enum {
    JOB_MAX = 65536,     /* bytes of a datagram */
    JOB_RCPT_MAX = 100,
    REPORT_MAX = 4096,   /* bytes of a report */
    JOB_SLOW = 5,        /* seconds; what takes longer on this host may take
                            for ever, and others do not wait for its place */
    JOB_SLOW_FACTOR = 4, /* times the limit: slow ones beyond it */
    JOB_LOCAL = 4,       /* out to local for each of concurrencylocal: it
                            delivers several together */
};

/* struct job.flags */
enum {
    JOB_REPEAT = 1,      /* an earlier try of this may have succeeded */
    JOB_SMTPUTF8 = 2,
    JOB_REQUIRETLS = 4,
    JOB_8BIT_HEADER = 8, /* facts about the content, seen when it came in */
    JOB_8BIT_BODY = 16,
    JOB_NUL = 32,
    JOB_BARE_CR = 64,
    JOB_LONG_LINE = 128, /* a line of more than 998 bytes */
};

struct job_rcpt {
    uint32_t index;      /* within the message's envelope */
    uint8_t notify;
    struct view address;
    struct view orcpt;
};

/* Views point into the datagram; rcpts is within the struct. */
struct job {
    uint64_t number;     /* echoed in reports */
    uint64_t id;         /* of the message */
    uint64_t birth;      /* seconds: when the message was accepted */
    uint32_t attempt;    /* 1: the first */
    uint32_t flags;
    uint64_t offset;     /* of the content within the descriptor's file */
    uint64_t length;
    unsigned char digest[DIGEST_LEN]; /* of the content */
    uint8_t ret, body;
    struct view envid;
    struct view sender;
    struct view site;    /* the recipients' domain; for logs and windows */
    struct view route;   /* remote: host of a route, empty: MX of site */
    uint32_t port;       /* remote: of the route; 0: 25 */
    uint32_t rcpt_count;
    struct job_rcpt rcpts[JOB_RCPT_MAX];
};

/* struct report.flags */
enum {
    REPORT_DAMAGED = 1,  /* content and digest disagree; verdict is LATER */
    REPORT_SITE_DOWN = 2 /* no host of the site could be reached */
};

struct report {
    uint64_t number;     /* the job's */
    uint32_t index;      /* the recipient's within the message */
    uint32_t flags;
    struct outcome outcome;
    char host[256];      /* where: "mx1.example.org[192.0.2.1]", a path */
};

void job_print(struct buf *b, const struct job *j);

/* 0 or -EBADMSG; trusts nothing. */
int job_parse(struct job *j, struct view bytes);

void report_print(struct buf *b, const struct report *r);
int report_parse(struct report *r, struct view bytes);

/* One datagram on a non-blocking or blocking SOCK_SEQPACKET socket, with fd
 * if it is not -1.  0, -EAGAIN, or another negative errno. */
int job_send(int sock, struct view bytes, int fd);

/* One datagram.  The number of bytes appended to b, and *fd set (-1: none
 * came); 0 at the end of the stream; -EAGAIN; -EBADMSG if it or its
 * descriptor was cut (MSG_TRUNC, MSG_CTRUNC), b then holding what came. */
ssize_t job_recv(int sock, struct buf *b, int *fd);

#endif
