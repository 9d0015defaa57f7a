#include "local/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "base/mem.h"
#include "local/passwd.h"

struct known {
    UT_hash_handle hh;
    struct account account;
    uint64_t found;         /* when */
};

static struct lookup {
    pthread_mutex_t lock;
    struct known *known;    /* by name, oldest first */
} lookup = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
forget(struct known *k)
{
    HASH_DEL(lookup.known, k);
    account_free(&k->account);
    free(k);
}

static bool
recall(const char *name, uint64_t now, struct account *a)
{
    struct known *k;
    bool good;

    pthread_mutex_lock(&lookup.lock);
    HASH_FIND_STR(lookup.known, name, k);
    good = k && now - k->found < LOOKUP_SECONDS;
    if (good)
        account_copy(a, &k->account);
    pthread_mutex_unlock(&lookup.lock);
    return good;
}

static void
keep(const struct account *a, uint64_t now)
{
    struct known *k;

    pthread_mutex_lock(&lookup.lock);
    HASH_FIND_STR(lookup.known, a->name, k);
    if (!k && HASH_COUNT(lookup.known) >= LOOKUP_MAX)
        k = lookup.known;
    if (k)
        forget(k);
    k = mem_alloc(sizeof *k);
    account_copy(&k->account, a);
    k->found = now;
    HASH_ADD_KEYPTR(hh, lookup.known, k->account.name,
                    strlen(k->account.name), k);
    pthread_mutex_unlock(&lookup.lock);
}

static uint64_t
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec;
}

int
lookup_remembered(const char *name, struct account *a)
{
    return recall(name, seconds(), a) ? 1 : -EAGAIN;
}

int
lookup_at(user_lookup *table, const char *name, uint64_t now,
          struct account *a)
{
    int r;

    if (recall(name, now, a))
        return 1;
    if ((r = table(name, a)) == 1)
        keep(a, now);
    return r;
}

int
lookup_account(const char *name, struct account *a)
{
    return lookup_at(passwd_byname, name, seconds(), a);
}
