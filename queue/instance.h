/* instance.h - what an instance is made of: folders, files, users
 *
 * Run by root an instance is split: each program has a user of its own and
 * the spool belongs to godwits.  Run by anybody else everything belongs to
 * that user.  init makes and mends what this page lists, start looks whether
 * it is there. */
#ifndef QUEUE_INSTANCE_H
#define QUEUE_INSTANCE_H

#include <sys/stat.h>

#include "base/conf.h"
#include "base/jail.h"

enum instance_user {
    USER_QUEUE,    /* godwitq: enqueue */
    USER_SPOOL,    /* godwits: the manager, owner of the spool */
    USER_SMTPD,    /* godwitd */
    USER_REMOTE,   /* godwitr */
    USER_COUNT,
};

extern const char *const instance_users[USER_COUNT];

/* Files in control/ that init makes.  The keys sign the ledger (Ed25519):
 * one line of hexadecimal digits, 64 bytes secret and 32 public. */
#define INSTANCE_ME "me"
#define INSTANCE_KEY "ledgerkey"
#define INSTANCE_PUBKEY "ledgerkey.pub"

enum instance_place { PLACE_CONTROL, PLACE_QUEUE, PLACE_RUN };

struct instance_part {
    enum instance_place place;
    const char *name;
    mode_t type;         /* S_IFDIR, S_IFREG, S_IFIFO */
    mode_t mode;         /* of a split instance */
    mode_t single_mode;  /* of one with a single user */
    bool spool;          /* belongs to USER_SPOOL, else to root */
};

/* In an order in which they can be made; control/'s files, which have
 * content, are init's. */
extern const struct instance_part instance_parts[];
extern const size_t instance_part_count;

struct instance {
    struct conf_paths paths;
    bool split;
    struct jail_user users[USER_COUNT]; /* split only */
};

/* Fills paths and split.  Users are not looked up yet. */
void instance_open(struct instance *i);
void instance_free(struct instance *i);

/* Looks the users of a split instance up.  0, or a negative errno with the
 * user's name in missing. */
int instance_findusers(struct instance *i, const char **missing);

const char *instance_folder(const struct instance *i, enum instance_place p);

/* The whole path of a part, owned by the caller. */
char *instance_path(const struct instance *i, const struct instance_part *p);

/* The owner of what belongs to the spool (or of the rest) in this
 * instance. */
struct jail_user instance_owner(const struct instance *i, bool spool);

/* The first folder on the way to path that is closed to others than its
 * owner and group, owned by the caller; NULL if all are open.  The users of
 * a split instance could not pass it. */
char *instance_closed(const char *path);

/* Whether the instance can be started by us: writes one log line for each
 * thing that is missing or belongs to somebody else and returns how many.
 * run/ may be missing. */
unsigned instance_check(const struct instance *i);

#endif
