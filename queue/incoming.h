/* incoming.h - one message on its way to disk
 *
 * Blocking; the functions that say so run in the pool, one at a time per
 * message.  A crash at any moment before incoming_link leaves nothing. */
#ifndef QUEUE_INCOMING_H
#define QUEUE_INCOMING_H

#include "base/envelope.h"
#include "base/facts.h"
#include "queue/message.h"

/* Where new messages go; made once. */
struct todo {
    int dir;    /* todo/, for names and for its sync */
    int proc;   /* /proc/self/fd, to give a nameless file its name */
    bool list;  /* dir can be synced (opened for reading) */
    bool dots;  /* no O_TMPFILE here: names begin with a dot at first */
    bool orders; /* base/filesystem.h: a name may come before the sync */
};

struct incoming {
    const struct todo *todo; /* borrowed */
    int fd;                  /* -1: nothing written yet */
    uint64_t id;
    uint64_t birth_ms;
    struct buf content;      /* received, not yet written */
    struct buf envelope;     /* fields as received */
    uint64_t written;        /* bytes of content in the file */
    struct digest digest;
    struct facts facts;      /* of the bytes seen so far */
    bool chosen;             /* the manager may look for its id */
    uint64_t dot;            /* 0, or the file has a name: a dot and this */
};

void incoming_init(struct incoming *in, const struct todo *todo);

/* Its moment is now, and its id one that no message of this process has had;
 * on the loop alone. */
void incoming_begin(struct incoming *in);

/* Pool: writes what is in content, so that memory stays bounded.  0 or a
 * negative errno; the message is worthless then. */
int incoming_spill(struct incoming *in);

/* Pool: the whole file: rest of the content, envelope (as envelope_print
 * writes e), header, slot with the first retry at next_s, states.  0 or a
 * negative errno. */
int incoming_write(struct incoming *in, const struct envelope *e,
                   uint64_t next_s);

/* Whether what was written gets its name when the disk has the content
 * (file_settle), and is synced after that; else it is synced first.  What
 * the manager chose he may find at once and build on: a name that could be
 * taken away again is not for him. */
bool incoming_ordered(const struct incoming *in);

/* Pool: its name in todo/, which is durable after a sync of that.  0,
 * -EEXIST: that id is there (a caller that chose it takes this as stored), or
 * another negative errno. */
int incoming_link(struct incoming *in);

/* Takes the name away again, where it is still there: after a failed sync
 * the message counts as refused.  Not for an id that the manager chose: he
 * may have found the name and built on it. */
void incoming_unlink(struct incoming *in);

void incoming_free(struct incoming *in);

#endif
