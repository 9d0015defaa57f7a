/* hint.h - tells the manager which messages came
 *
 * Through the FIFO trigger: ids, eight bytes each.  A hint, so a full pipe is
 * fine: id 0 then asks for a look at the folder as soon as there is room
 * again. */
#ifndef QUEUE_HINT_H
#define QUEUE_HINT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { HINT_MAX = 64 }; /* ids told at once */

struct hint {
    uv_check_t after;   /* the loop has handled what came */
    uint64_t ids[HINT_MAX];
    unsigned count;
    int queuedir;       /* borrowed */
    int trigger;        /* -1 while the manager isn't there */
    bool lost;
};

/* queuedir: the folder of trigger, borrowed. */
void hint_init(struct hint *h, uv_loop_t *loop, int queuedir);

/* There may be messages in todo/ that an enqueue before this one stored, and
 * died before it told of them. */
void hint_look(struct hint *h);

/* It is durable in todo/.  Those of one turn of the loop go together. */
void hint_add(struct hint *h, uint64_t id);

#endif
