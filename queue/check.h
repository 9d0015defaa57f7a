/* check.h - looks whether an instance is as it should be
 *
 * Reads only; each finding is one line of the report that names the file and
 * says what to do. */
#ifndef QUEUE_CHECK_H
#define QUEUE_CHECK_H

#include "queue/instance.h"

struct check {
    unsigned problems;  /* mail would go wrong, or the start would fail */
    unsigned warnings;
    bool blind;         /* something could not be looked at */
    struct buf report;  /* lines */
};

/* Looks at settings, lists, names, folders, owners and modes of the instance
 * at i->paths; whether it is a split one its folders tell, i->split is set
 * accordingly. */
void check_instance(struct check *c, struct instance *i);

void check_free(struct check *c);

#endif
