/* lookup.h - accounts, remembered for a moment
 *
 * Reading the tables for each message costs more than the rest of it.  What
 * was found is believed for LOOKUP_SECONDS; that there is no such account,
 * or that nobody knows, is not. */
#ifndef LOCAL_LOOKUP_H
#define LOCAL_LOOKUP_H

#include "local/user.h"

enum { LOOKUP_SECONDS = 2, LOOKUP_MAX = 4096 };

/* As passwd_byname; from any thread. */
int lookup_account(const char *name, struct account *a);

/* The same without waiting: -EAGAIN where it isn't remembered. */
int lookup_remembered(const char *name, struct account *a);

/* As lookup_account with another table and moment, in seconds. */
int lookup_at(user_lookup *table, const char *name, uint64_t now,
              struct account *a);

#endif
