/* inspect.h - looks at names of the spool, for finding.h
 *
 * Blocking; changes nothing. */
#ifndef QUEUE_INSPECT_H
#define QUEUE_INSPECT_H

#include "queue/fates.h"
#include "queue/idset.h"
#include "queue/instance.h"

struct inspect {
    const struct store *store;
    int dirs[SPOTS];            /* borrowed; -1: there is none */
    struct rights rights;
    struct fates fates;
    struct idset coming;        /* ids of messages that will be brought back */
};

/* The folders and rights of an instance whose users are known; lost may be
 * -1.  owner: of the queue folder, where one user has all. */
void inspect_open(struct inspect *in, const struct store *s,
                  const struct instance *i, uint32_t owner, int lost);
void inspect_close(struct inspect *in);

/* Reads the ledger for the ids that were asked for; ids is taken.  *whole: it
 * verifies up to what was signed; else what it says is not all.  0 or a
 * negative errno.  Before it nothing is known. */
int inspect_ledger(struct inspect *in, const struct fates *ids, bool *whole);

/* What name is; *id is the id it should be known by, 0 if none can be told.
 * False: it is gone. */
bool inspect_name(const struct inspect *in, enum spot spot, const char *name,
                  struct seen *s, uint64_t *id);

/* Owner and mode alone: error, regular, rights and links. */
bool inspect_rights(const struct inspect *in, enum spot spot,
                    const char *name, struct seen *s);

const char *spot_name(enum spot spot);

#endif
