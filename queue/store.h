/* store.h - the folders of the spool and what is done to the files in them
 *
 * Blocking, for the pool and for start-up.  A message is one file for all
 * its life; design.md says what a crash after each step leaves.  Everything
 * returns 0 or a negative errno; an errno is never damage. */
#ifndef QUEUE_STORE_H
#define QUEUE_STORE_H

#include "base/envelope.h"
#include "queue/message.h"

enum place { PLACE_TODO, PLACE_INFO, PLACE_BROKEN, PLACE_BOUNCE, PLACES };

struct store {
    int queue;
    int dirs[PLACES];
    int ledger;
};

int store_open(struct store *s, const char *queuepath);
void store_close(struct store *s);

const char *place_name(enum place p);

/* A queue file as it was read: everything but the content. */
struct queued {
    uint64_t id;
    enum place place;
    int fd;                 /* read-only, -1: closed */
    struct header header;
    struct slot slot;
    bool slot_ok;           /* else: due now, hold as the envelope says */
    struct buf bytes;       /* the envelope points into them */
    struct envelope envelope;
    struct state *states;   /* one a recipient; owed where none checks */
};

/* Reads id in place.  0; -ENOENT; -EBADMSG: bytes were read and do not
 * verify (*why); -ENOTSUP: nothing this program may touch (*why); another
 * errno: try later. */
int store_load(const struct store *s, enum place place, uint64_t id,
               struct queued *q, const char **why);

/* The same of the file open as fd, whatever its name: its id is the one in
 * the header, 0 if not even that verifies.  Takes fd. */
int store_loadfd(int fd, struct queued *q, const char **why);
void queued_free(struct queued *q);

/* Whether the content agrees with its digest: 0, -EBADMSG, or an errno. */
int store_verify(const struct queued *q);

/* Writes the state records in which[0..count) (indexes into states), and
 * the slot.  Not synced: the ledger is the redo log. */
int store_mark(const struct store *s, const struct queued *q,
               const uint32_t *which, size_t count);

/* One state record of id, of whose file only the header is read: for
 * recovery, whose work per line must not depend on the envelope.  Also
 * -EBADMSG and -ENOTSUP, as store_load; an index that isn't there is
 * nothing to do. */
int store_markone(const struct store *s, enum place place, uint64_t id,
                  uint64_t index, const struct state *state);
int store_slot(const struct store *s, enum place place, uint64_t id,
               const struct slot *slot);

/* The steps of a move to another folder; between them the caller syncs the
 * folder (store_sync).  store_link never replaces: where the name is there
 * as the same file it is done, else -EEXIST. */
int store_link(const struct store *s, enum place from, enum place to,
               uint64_t id);
int store_unlink(const struct store *s, enum place place, uint64_t id);

/* The same into broken/, under the first name of ID, ID.1, ID.2, ... that
 * is free, for what stands there is never replaced; *suffix tells which.
 * Where it has one of them it is done.  -EEXIST: all are taken. */
int store_aside(const struct store *s, enum place from, uint64_t id,
                unsigned *suffix);

/* Takes that name in broken/ away again. */
int store_unaside(const struct store *s, uint64_t id, unsigned suffix);
int store_sync(const struct store *s, enum place place);

/* Whether id is there: 1, 0 or a negative errno. */
int store_has(const struct store *s, enum place place, uint64_t id);

/* Calls each with every id in the folder until it returns false; names that
 * are no ids are counted in *foreign.  0 or a negative errno. */
int store_list(const struct store *s, enum place place,
               bool (*each)(void *data, uint64_t id), void *data,
               size_t *foreign);

#endif
