/* bounce.h - the text of the message that tells a sender of failure
 *
 * RFC 3464 in a multipart/report (RFC 6522): words for people, fields for
 * programs, and the message it is about.  Pure: the same failures always
 * make the same bytes, so that a bounce made again after a crash is the one
 * made before. */
#ifndef QUEUE_BOUNCE_H
#define QUEUE_BOUNCE_H

#include <time.h>

#include "base/buf.h"

/* The numbers go into ids on disk and never change. */
enum bounce_kind {
    BOUNCE_FAILURE = 1, /* to the sender */
    BOUNCE_DOUBLE = 2,  /* a bounce that failed: to doublebounceto */
};

enum {
    BOUNCE_HEADER_MAX = 65536, /* bytes of the original's header */
    BOUNCE_WORDS_MAX = 600,    /* of a value: its line stays under 998 */
};

struct bounce_rcpt {
    struct view address;
    struct view orcpt;  /* as the sender gave it (RFC 3461 4.2), or empty */
    struct view code;   /* RFC 3463 */
    struct view text;   /* the other side's words */
    struct view host;   /* "mx1.example.org[192.0.2.1]", a path, or empty */
    time_t when;        /* of the last attempt */
    bool expired;       /* was temporary until it was too old */
};

struct bounce {
    enum bounce_kind kind;
    uint64_t id;            /* of the bounce itself; its Date follows */
    uint64_t original;      /* of the message that failed */
    time_t arrival;         /* when that was accepted */
    struct view me;         /* reporting MTA */
    struct view from;       /* bouncefrom@bouncehost */
    struct view to;         /* who is told */
    struct view sender;     /* of the message that failed; may be empty */
    struct view envid;      /* as the sender gave it (RFC 3461 4.4), or empty */
    const struct bounce_rcpt *rcpts; /* a few hundred: all is in memory */
    size_t rcpt_count;
    struct view header;     /* of the message; not needed if whole */
    bool header_cut;        /* there is more of it */
    bool whole;             /* the content itself follows before */
};

/* Appends the message, lines ended by LF, all of 7 bits and under 998: to
 * before what comes up to the original's content, which the caller adds if
 * whole is set, and to after what ends it. */
void bounce_print(const struct bounce *bounce, struct buf *before,
                  struct buf *after);

/* Whom to tell that mail from sender failed.  False: nobody, for sender is
 * "#@[]" and this was a double bounce already; such a message is set aside.
 * For BOUNCE_DOUBLE (the null sender) to is empty, meaning doublebounceto.
 * The "-@[]" that marks senders made per recipient is taken off, as
 * qmail-send does. */
bool bounce_address(struct view sender, enum bounce_kind *kind,
                    struct view *to);

/* The bounce's own envelope sender: empty, or "#@[]" for a double bounce. */
struct view bounce_sender(enum bounce_kind kind);

/* The bounce's own id, told by what it answers: the time of the first
 * failure, the message, the kind and the first recipient's index.  Within a
 * millisecond only 22 bits differ: of a message found under this id it must
 * be asked whom it answers. */
uint64_t bounce_id(uint64_t fail_ms, uint64_t message_id,
                   enum bounce_kind kind, uint32_t first_index);

/* Whether a bounce should hold the whole of a content: length is at most max
 * bytes, ret (RET_HDRS, RFC 3461 4.3) does not ask for the header alone, and
 * facts (JOB_8BIT_BODY and so on, base/job.h) have nothing for which some
 * server would refuse the bounce too. */
bool bounce_whole(uint64_t length, uint64_t max, uint8_t ret, uint32_t facts);

#endif
