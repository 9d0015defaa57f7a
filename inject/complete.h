/* complete.h - a header section made whole, and the recipients in it
 *
 * Header bytes and facts in, new header bytes and recipients out.  What need
 * not change comes out byte by byte as it went in: the result is a list of
 * pieces, views of the section or of what was made.  The time is linear in
 * the section.  Pure.
 *
 * Added if missing: Date, Message-ID, From (RFC 5322 3.6), at the end; to a
 * message being resent Resent-Date, Resent-Message-ID, Resent-From, at the
 * start (RFC 5322 3.6.6).  Removed: Bcc, Resent-Bcc, Return-Path,
 * Content-Length.  Addresses in the fields of originators and recipients are
 * qualified (inject/qualify.h); those of From, Sender and Reply-To, and all
 * recipients, are rewritten (base/rewrite.h); a field that cannot be read
 * stays as it is. */
#ifndef INJECT_COMPLETE_H
#define INJECT_COMPLETE_H

#include "base/rewrite.h"
#include "base/verdict.h"
#include "inject/qualify.h"
#include "inject/rcpts.h"

enum {
    HEADER_MAX = 4 << 20,         /* bytes of a header section */
    COMPLETE_PIECES_MAX = 1 << 18 /* two for each change */
};

struct complete_facts {
    struct qualify names;
    const struct rewrite *rewrite;
    const char *idhost;
    struct view from;     /* kept address for a From that is missing */
    struct view fullname; /* for that From; may be empty */
    uint64_t now_ms;
    uint64_t chance;      /* any number nobody else will choose */
    bool take_rcpts;      /* recipients are those in the header */
    unsigned drop;        /* FIELD_FROM, FIELD_MESSAGE_ID: made anew always */
    bool comment;         /* that From as "address (name)" */
    bool note_hidden;     /* without To and Cc: "Cc: recipient list not
                           * shown: ;" */
    struct view extra;    /* whole fields for the end, lines ended by LF */
};

/* {0} is empty. */
struct complete {
    struct view section;
    struct buf made;
    struct complete_piece *pieces;
    size_t count, room;
    bool crlf; /* the section's lines end so, and those added */
};

/* Fills c (which borrows section) and, if facts ask for it, adds to rcpts
 * those in To, Cc and Bcc, or, if the message is being resent to somebody,
 * those of its newest Resent- block.  DONE; NEVER with o if recipients
 * cannot be read or a named limit is met. */
enum verdict complete_header(struct complete *c, struct view section,
                             const struct complete_facts *facts,
                             struct rcpts *rcpts, struct outcome *o);

/* Whether complete_header will add a From with facts->from. */
bool complete_needs_from(struct view section);

/* Piece number i of c->count, in order; valid while c and its section are. */
struct view complete_piece(const struct complete *c, size_t i);

void complete_free(struct complete *c);

#endif
