/* access.h - which user may send as whom, and how much
 *
 * The lists are control/submitsenders and control/submitlimit; users are
 * uids, as the kernel names a caller.  Pure: moments are arguments.  The
 * memory is that of the lists and a table of fixed size. */
#ifndef QUEUE_ACCESS_H
#define QUEUE_ACCESS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/conf.h"

enum {
    ACCESS_SETS = 1024, /* the rates of ACCESS_SETS * ACCESS_WAYS uids are */
    ACCESS_WAYS = 4,    /* remembered */
};

struct access_sender;
struct access_limit;
struct access_meter;

/* {0}: everybody may do everything. */
struct access {
    bool restricted;                 /* there is a list of senders */
    struct access_sender *senders;   /* owned, as all below */
    size_t sender_count;
    struct access_limit *limits;
    size_t limit_count;
    struct access_meter *meters;
};

/* The uid of a user; false: there is none of that name. */
typedef bool access_uid_fn(const char *name, uid_t *uid);

/* Fills the empty a; senders NULL: there is no such file.  Lines are
 *     user:pattern[,pattern ...]   of submitsenders
 *     user:messages:bytes          of submitlimit
 * where user is a name, a uid, or * for all who have no line of their own;
 * a pattern is an address, @domain, or * for any sender; messages are those
 * of an hour, bytes those of one message, and 0 is no limit.
 *
 * 0, or -EINVAL, and a is empty again.  why gets a line for each fault, such
 * as "control/submitlimit:3: 'x' is no number"; with 0 there may be lines as
 * well: a user whom find doesn't know makes no fault, his line is left
 * out. */
int access_load(struct access *a, const struct conf_list *senders,
                const struct conf_list *limits, access_uid_fn *find,
                struct buf *why);

/* Whether uid may send as the kept address sender.  The null sender is
 * everybody's.  Letters compare in any case. */
bool access_sender(const struct access *a, uid_t uid, struct view sender);

/* The largest message of uid; 0: no limit. */
uint64_t access_bytes(const struct access *a, uid_t uid);

/* Counts one message of uid at now (milliseconds of a clock that is never
 * set back).  0: it may be; else it is not counted, and that many
 * milliseconds later it may be.  An hour's messages may come at once; after
 * them each comes when its share of an hour has gone by.  When too many uids
 * send at once, one that has sent little is forgotten. */
uint64_t access_count(struct access *a, uid_t uid, uint64_t now_ms);

void access_free(struct access *a);

#endif
