/* ending.h - the manager's last steps
 *
 * What waits is given back and workers are told to finish.  Then, each when
 * nothing is left of the one before: their last reports with records and
 * effects, the word "stop" in the ledger, a checkpoint, the end of the loop.
 * Who hangs is not waited for: the program ends with 111 then. */
#ifndef QUEUE_ENDING_H
#define QUEUE_ENDING_H

#include "queue/manager.h"

struct ending {
    struct manager *manager;
    uv_timer_t deadline;
    struct ledger_wait stopped;
    enum { ENDING_NOT, ENDING_WORK, ENDING_RECORD, ENDING_CHECKPOINT } phase;
};

void ending_init(struct ending *e, struct manager *m);

/* Begins it, if it has not begun: from now on the manager is stopping. */
void ending_begin(struct ending *e);

/* Something ended; and a checkpoint has: the next step may be due. */
void ending_step(struct ending *e);
void ending_checkpointed(struct ending *e);

#endif
