/* chosen.h - a request whose id the manager chose is made once at a time
 *
 * A manager may die, or wait no longer, while its request is under way here;
 * it or the next one then asks again.  A request that is overtaken by its
 * own repetition could make the bounce a second time, when the first is
 * delivered and gone. */
#ifndef QUEUE_CHOSEN_H
#define QUEUE_CHOSEN_H

#include "queue/caller.h"

enum chosen {
    CHOSEN_NEW,   /* to be written; whatever is asked later finds it busy */
    CHOSEN_THERE, /* the name is in todo/ already */
    CHOSEN_BUSY,  /* another request with this id is being written */
    CHOSEN_LEFT,  /* who sent it does not wait for the answer any more */
};

/* What is to be done with a complete request. */
enum chosen chosen_look(const struct caller *c);

#endif
