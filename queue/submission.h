/* submission.h - what a caller sends becomes a message in todo/
 *
 * Who may send what is decided here; the answer goes by caller_answer, when
 * the message's name is durable. */
#ifndef QUEUE_SUBMISSION_H
#define QUEUE_SUBMISSION_H

#include "queue/caller.h"

/* One frame of the message at hand: 'E', 'D' or '.', which ends it.  The
 * caller may be held or closed afterwards. */
void submission_frame(struct caller *c, char kind, struct view payload);

/* What was asked of enqueue's gather for a caller is done. */
void submission_done(struct storing *s);

/* The message at hand, if any, is of no interest any more; another may
 * begin. */
void submission_forget(struct caller *c);

#endif
