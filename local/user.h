/* user.h - which account an address means
 *
 * The rules alone: the table of accounts comes in as a function, so that a
 * test brings its own. */
#ifndef LOCAL_USER_H
#define LOCAL_USER_H

#include <sys/types.h>

#include "base/conf.h"
#include "base/verdict.h"

enum {
    USER_NAME_MAX = 64,      /* RFC 5321 4.5.3.1.1 */
    USER_GROUPS_MAX = 65536, /* Linux's own limit */
};

/* Whom a deliverer becomes.  All members owned. */
struct account {
    char *name;
    char *home;
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t group_count;
};

void account_free(struct account *a);
void account_copy(struct account *to, const struct account *from);
bool account_equal(const struct account *a, const struct account *b);

/* Looks an account up by its exact name: 1 and a filled, 0: there is none,
 * or a negative errno: nobody knows.  May block. */
typedef int user_lookup(const char *name, struct account *a);

/* Everything borrowed. */
struct user_rules {
    const struct conf_list *locals;
    user_lookup *lookup;
    uid_t minuid;
    /* A private instance, which serves its own uid alone: that account, and
     * the local parts that mean it.  NULL: a system instance. */
    const struct account *own;
    const struct conf_list *own_names;
};

/* DONE: a is the account (free it) that gets mail for address; else o says
 * why not.  Local parts and domains compare without regard to case; a quoted
 * local part means what is quoted (RFC 5321 4.1.2). */
enum verdict user_find(const struct user_rules *rules, struct view address,
                       struct account *a, struct outcome *o);

#endif
