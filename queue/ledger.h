/* ledger.h - appends outcomes, durable before anything acts on them
 *
 * Lines are collected and written by one write and one sync at a time; all
 * that wait share it.  A failed write or sync makes the segment worthless:
 * the lines stay in memory and go to a new one, whose first line names the
 * last synced position; what follows that position in the old one is void. */
#ifndef QUEUE_LEDGER_H
#define QUEUE_LEDGER_H

#include <uv.h>

#include "queue/batch.h"

/* Stands in the struct that waits; called once. */
struct ledger_wait {
    struct ledger_wait *next;
    uint64_t seq;
    void (*done)(struct ledger_wait *w);
};

struct ledger {
    uv_loop_t *loop;
    uv_work_t work, spare_work;
    uv_timer_t again, gather;
    struct ledger_files files;
    struct ledger_at at;
    struct batch *collecting, *flushing; /* owned */
    int result;                /* of the flush under way, by the pool */
    uint64_t appended, synced; /* lines counted */
    struct ledger_wait *waits, **waits_end;
    bool busy, failing, sparing;
    bool asked;                /* somebody was told that it is blocked */
    unsigned failures;         /* in a row */
    uint64_t stamp_ms;         /* the time as text, made once a moment */
    struct buf stamp;
    uint64_t syncs;
    unsigned waiting;          /* calls of ledger_wait since the last flush */
    unsigned (*expect)(void *data); /* how many more may soon come; NULL: 0 */
    void (*recovered)(void *data); /* no longer blocked */
    void *data;
};

/* Goes on behind position and chain, in the segment at base; a new segment,
 * from base on, is begun where fresh says so (an unfinished line follows
 * there, or there is none).  dir and loop are borrowed. */
void ledger_init(struct ledger *l, uv_loop_t *loop, int dir, uint64_t size,
                 const unsigned char secret[64]);
int ledger_goon(struct ledger *l, uint64_t base, uint64_t position,
                const struct chain *chain, bool fresh);

/* Appends one line: fmt as line_print reads it.  Where where is not NULL it
 * gets the line's position when that is synced, so it must stay until then
 * (ledger_wait). */
void ledger_line(struct ledger *l, uint64_t *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A signature over all before. */
void ledger_sign(struct ledger *l);

/* done is called when all that was appended so far is synced.  While
 * outcomes are still to come (expect) the sync waits for half as many, or a
 * hundredth of a second; who is alone waits for nobody. */
void ledger_wait(struct ledger *l, struct ledger_wait *w,
                 void (*done)(struct ledger_wait *));

/* Writes out what nobody waits for (deferrals). */
void ledger_flush(struct ledger *l);

/* Whether outcomes would pile up because the ledger can't be written, or none
 * of its lines is on disk yet: hand out no new job.  A spool with traces of
 * work and no ledger is one whose ledger somebody took away. */
bool ledger_blocked(struct ledger *l);

/* Closes what ledger_init opened; nothing may be in flight. */
void ledger_close(struct ledger *l);

#endif
