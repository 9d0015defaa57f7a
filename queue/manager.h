/* manager.h - what the parts of the manager share
 *
 * One loop.  Fresh mail comes by the trigger and by scans of todo/ (takeup),
 * becomes a message in memory (attempt), its recipients go out as jobs
 * (channel), outcomes are recorded (ledger), and only then acted upon
 * (effect).  Deferred mail costs an entry in the schedule. */
#ifndef QUEUE_MANAGER_H
#define QUEUE_MANAGER_H

#include "base/bind.h"
#include "queue/channel.h"
#include "queue/checkpoint.h"
#include "queue/control.h"
#include "queue/effect.h"
#include "queue/ledger.h"
#include "queue/settings.h"
#include "queue/takeup.h"

/* Where mail goes, by recipient and by sender. */
struct ways {
    struct routes routes;
    struct binds binds;
};

struct manager {
    uv_loop_t *loop;
    struct store store;
    struct settings settings;
    struct ways ways;
    struct ledger ledger;
    struct effects effects;
    struct takeup takeup;
    struct control control;
    struct checkpoint checkpoint;
    struct channel local, remote;
    struct message *active;   /* by id */
    unsigned active_count;
    unsigned active_max;      /* ACTIVE_MAX, or what descriptors allow */
    size_t active_bytes;      /* of their envelopes and records, about */
    unsigned bouncing;        /* messages handing their bounce in */
    struct message *bounces, *bounces_last; /* that wait for their turn */
    char *door;               /* run folder, where enqueue's own door is */
    bool stopping;
};

/* Everything that may have become possible is tried before the loop waits
 * again, once for all that called: when something ended. */
void manager_wake(struct manager *m);

#endif
