/* attempt.h - one message in memory: tried, recorded, acted upon
 *
 * A message is loaded when it is due and leaves memory when its attempt is
 * over.  All its steps are in one function that looks at what is true and
 * does the next thing; whatever ends (a report, a sync, an effect) calls it
 * again.  The order it keeps: outcome, ledger, sync, only then effect. */
#ifndef QUEUE_ATTEMPT_H
#define QUEUE_ATTEMPT_H

#include <uthash.h>

#include "queue/bouncing.h"
#include "queue/channel.h"
#include "queue/checkpoint.h"
#include "queue/effect.h"
#include "queue/failures.h"
#include "queue/ledger.h"

struct manager;

/* Indexes of recipients. */
struct indexes {
    uint32_t *v; /* owned */
    size_t count, room;
};

enum doing {
    IDLE,
    RECORDING, /* lines wait for the ledger's sync */
    REPORTING, /* writing bounce/ID */
    QUEUEING,  /* for its turn to hand the bounce in */
    BOUNCING,  /* handing it in */
    ANSWERING, /* marking the message that this bounce answers */
    VERIFYING, /* somebody said the content is damaged */
    ACTING,    /* an effect */
    ADVANCING, /* writing when it is tried next, before it is tried */
};

struct message {
    UT_hash_handle hh;       /* by id, in manager.active */
    uint64_t id;
    struct manager *manager;
    struct queued queued;
    enum doing doing;
    bool due;                /* its moment has come: owed ones are tried */
    bool in_job;             /* attempt begun: recipients were handed out */
    bool repeat;             /* an earlier try may have succeeded */
    bool lines;              /* appended to the ledger, not yet waited for */
    uint64_t lines_seq;      /* the first of them */
    bool accepting;          /* its accept line is not yet known synced */
    bool recording_accept;   /* it is among the lines being synced */
    bool reported;           /* bounce/ID was written */
    bool forced;             /* its sites have rested enough */
    bool advanced;           /* this attempt is written */
    bool tried, deferred;    /* there was an outcome; one that was LATER */
    bool waits;              /* someone was not tried, his site rests */
    uint32_t waits_for;      /* of them the one whose site rests least */
    uint64_t waits_until;
    bool remove_recorded, broken_recorded;
    bool answers;            /* a bounce whose original is to be marked */
    bool damaged, blocked;   /* blocked: its bounce can't be handed in now */
    uint8_t *busy;           /* a recipient: in a delivery now */
    uint32_t owed, failed;   /* recipients in these states */
    uint32_t deliveries;     /* waiting or open */
    struct indexes appended, syncing, dirty, marking;
    struct failures failures; /* NEVER in this attempt, not yet recorded */
    struct ledger_wait wait;
    struct effect effect;
    struct bouncing *bouncing; /* owned; once it bounced */
    struct message *next_bounce; /* QUEUEING */
    uv_work_t work;
    int work_result;
    uint64_t *then;          /* ids to take up when this one leaves memory */
    size_t then_count;
    struct checkpoint_item item;
};

/* How a message comes into memory. */
struct message_why {
    bool due;      /* owed recipients are tried now */
    bool repeat;   /* an earlier try that left no record may have succeeded */
    bool again;    /* it was in memory before: its acceptance is recorded */
    bool forced;   /* even if their sites rest */
    bool advanced; /* the moment of the next attempt is written already */
};

/* Takes over q (struct and all) as a message in memory and takes its first
 * step. */
void message_begin(struct manager *m, struct queued *q,
                   const struct message_why *why);

/* Takes over q: whoever is owed fails, as uid wishes, and the sender is told;
 * with discard the message is set aside in broken/ instead. */
void message_cancel(struct manager *m, struct queued *q, bool discard,
                    unsigned uid);

/* id is taken up when msg leaves memory. */
void message_then(struct message *msg, uint64_t id);

/* A report came: true if the recipient was open. */
bool message_report(struct message *msg, const struct report *r);

/* These recipients are not tried, for site rests or has no room: they wait,
 * or fail if the message is too old. */
void message_waits(struct message *msg, const struct site *site,
                   const uint32_t *rcpts, uint32_t count);

/* One of its deliveries is over. */
void message_delivered(struct message *msg);

/* For the channel: the job's form and its descriptor. */
void message_job(const struct message *msg, const struct delivery *d,
                 struct job *job);
int message_fd(const struct message *msg);

/* Those that wait for their turn to bounce do so after the next start. */
void message_nobounces(struct manager *m);

/* What is true now is looked at again (after the ledger recovered...). */
void message_step(struct message *msg);

/* For the parts of an attempt (outcomes, handout, failing): */

/* The address of a recipient. */
struct view message_rcpt(const struct message *msg, uint32_t index);

/* A line about this message was appended: it must be synced, and its effect
 * done, before a checkpoint may pass it. */
void message_note(struct message *msg);

/* A recipient's state changed, and a line says so: the record follows when
 * that is synced. */
void message_setstate(struct message *msg, uint32_t index,
                      enum rcpt_state state);

/* What became of a recipient: recorded, or kept for the reports. */
void message_outcome(struct message *msg, uint32_t index,
                     const struct outcome *o, const char *host);

/* The moment from which LATER becomes NEVER, and whether it has come. */
time_t message_end(const struct message *msg);
bool message_expired(const struct message *msg);

/* The lines themselves; where as ledger_line has it. */
void message_recordaccept(struct message *msg);
void message_recordoutcome(struct message *msg, const char *event,
                           uint64_t *where, uint32_t index,
                           const struct outcome *o, const char *host);

/* Work in the pool while the message is doing that. */
void message_work(struct message *msg, enum doing doing, uv_work_cb run,
                  uv_after_work_cb after);

#endif
