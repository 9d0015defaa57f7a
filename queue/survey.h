/* survey.h - every name of the spool looked at, and what is found put right
 *
 * Blocking.  Reports are judged when the messages are where they go.  While
 * an instance works on the spool each thing is looked at several times: what
 * was only on its way is not there any more. */
#ifndef QUEUE_SURVEY_H
#define QUEUE_SURVEY_H

#include "queue/inspect.h"
#include "queue/tally.h"

struct survey_item;

struct survey {
    struct inspect inspect;     /* opened and closed by the caller */
    struct tally tally;         /* with mend all is put right, else told */
    bool running;               /* an instance works on the spool */
    struct survey_item *items;  /* owned */
    size_t count, room;
};

/* Looks at the folders that inspect has, and at files, which the operator
 * named, up to NULL. */
void survey_run(struct survey *s, char **files);

void survey_free(struct survey *s);

#endif
