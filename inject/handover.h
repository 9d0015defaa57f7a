/* handover.h - a message on its way to the queue
 *
 * Through run/submit (base/submit.h), or, where GODWITQUEUE or QMAILQUEUE
 * names a program, through that, by qmail-queue's interface: the message on
 * its descriptor 0, the envelope on 1, its words for exit code 82 from 6. */
#ifndef INJECT_HANDOVER_H
#define INJECT_HANDOVER_H

#include "base/submit.h"
#include "inject/filter.h"
#include "inject/rcpts.h"

/* Who sends to whom and how; borrowed. */
struct handover_envelope {
    struct view sender; /* kept (base/addr.h); empty: null */
    const struct rcpts *rcpts;
    uint8_t notify;     /* for each recipient; 0: not said */
    struct view fields; /* the recipients as envelope fields, if they differ
                         * in what was asked for */
    uint8_t ret, body;
    uint32_t flags;     /* ENVELOPE_* but SMTPUTF8, which is added here */
    struct view envid;
    const char *via;
    bool print;         /* nothing is queued, the message goes to standard
                         * output */
};

struct handover {
    enum { HANDOVER_SUBMIT, HANDOVER_FILTER, HANDOVER_PRINT } way;
    int error;   /* of HANDOVER_PRINT, a negative errno */
    struct filter program;
    struct submit submit;
    const struct handover_envelope *e;
};

/* The program that is to be run instead, or NULL. */
const char *handover_filter(void);

/* Begins; wait is submit_open's.  e is borrowed until handover_end.  DONE,
 * or LATER with o, and nothing is to be ended. */
enum verdict handover_begin(struct handover *h,
                            const struct handover_envelope *e, unsigned wait,
                            struct outcome *o);

/* Bytes of the message.  False: nobody reads any more, the end tells why. */
bool handover_content(struct handover *h, struct view bytes);

/* Ends the message.  DONE: it is queued and durable.  Else o says why, as
 * submit_end does. */
enum verdict handover_end(struct handover *h, struct outcome *o);

/* Instead of the end: nothing is queued. */
void handover_abort(struct handover *h);

#endif
