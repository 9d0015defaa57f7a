/* sessions.h - what all sessions share, and those kept for the next mail
 *
 * An idle session is found by its key, the oldest by age, both at once. */
#ifndef REMOTE_SESSIONS_H
#define REMOTE_SESSIONS_H

#include <sys/queue.h>
#include <uv.h>

#include "base/bind.h"
#include "base/job.h"
#include "remote/auth.h"
#include "remote/dane.h"
#include "remote/peers.h"
#include "remote/tlspolicy.h"

/* Sites take turns: with no session to spare each turn would cost somebody's
 * idle one. */
enum { SESSIONS_IDLE_PART = 2 };

enum {
    SESSIONS_INPUT = 65536,   /* bytes read from a socket at once */
    SESSIONS_BUCKETS = 1024,
    SESSIONS_KEY = 16,        /* bytes of the key of the hash */
};

struct session;
LIST_HEAD(session_list, session);
TAILQ_HEAD(session_queue, session);

/* Starts as zeros, then the settings, then sessions_init. */
struct sessions {
    uv_loop_t *loop;
    const char *helo;         /* borrowed */
    struct tls_context *tls;  /* borrowed */
    struct binds binds;        /* bindroutes */
    struct conf_list policies; /* tlspolicy */
    struct conf_list secrets;  /* smtpauth */
    struct conf_list tokens;   /* smtptoken */
    int token_folder;
    unsigned connect_wait;    /* seconds */
    unsigned answer_wait;     /* seconds */
    unsigned keep;            /* seconds a session waits idle; 0: not at all */
    unsigned age;             /* seconds, then it takes no further mail */
    unsigned limit;           /* on those at work; a part more are idle */
    unsigned count;
    struct peers peers;
    bool stopping;            /* none is kept any more */
    unsigned char hash_key[SESSIONS_KEY];
    struct session_queue idle; /* oldest first */
    struct session_list buckets[SESSIONS_BUCKETS];
    char input[SESSIONS_INPUT]; /* read into, used up before the next read */
};

void sessions_init(struct sessions *all, uv_loop_t *loop);

/* Who we are for the job's relay; false: nobody. */
bool sessions_secret(const struct sessions *all, const struct job *job,
                     struct auth_secret *secret);

/* What tlspolicy says of the job's destination. */
enum tls_level sessions_wanted(const struct sessions *all,
                               const struct job *job);

/* What TLS the job's destination, its sender, a secret and the host's own
 * records (NULL: none) ask for. */
struct tlspolicy sessions_policy(const struct sessions *all,
                                 const struct job *job,
                                 const struct dane *dane);

/* Appends the key of the job's destination and of whom we are there: where
 * two jobs' are equal, a session of the one serves the other. */
void sessions_key(const struct sessions *all, struct buf *key,
                  const struct job *job);

/* The idle session of key that was used last, no longer idle; or NULL. */
struct session *sessions_take(struct sessions *all, struct view key);

/* Keeps s until it is taken, or forgotten.  For session.c. */
void sessions_keep(struct sessions *all, struct session *s);
void sessions_forget(struct sessions *all, struct session *s);

/* Ends the oldest idle session if there are as many as may be: the limit and
 * a part more. */
void sessions_make_room(struct sessions *all);

/* Ends all idle sessions, and from now on those that become idle. */
void sessions_stop(struct sessions *all);

#endif
