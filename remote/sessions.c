#include "remote/sessions.h"

#include <sodium.h>

#include "remote/session.h"

void
sessions_init(struct sessions *all, uv_loop_t *loop)
{
    _Static_assert(SESSIONS_KEY == crypto_shorthash_KEYBYTES, "hash key");

    all->loop = loop;
    TAILQ_INIT(&all->idle);
    for (int i = 0; i < SESSIONS_BUCKETS; i++)
        LIST_INIT(&all->buckets[i]);
    randombytes_buf(all->hash_key, sizeof all->hash_key);
}

bool
sessions_secret(const struct sessions *all, const struct job *job,
                struct auth_secret *secret)
{
    unsigned port = job->port ? job->port : MX_PORT;

    if (job->route.len == 0)
        return false;
    if (auth_find(&all->tokens, job->route, port, secret))
        return secret->token = true;
    return auth_find(&all->secrets, job->route, port, secret);
}

static struct tlspolicy
find_policy(const struct sessions *all, const struct job *job, bool known)
{
    struct view host = job->route.len ? job->route : job->site;

    /* RFC 8689 4.2.1: the MX hosts have to be known for sure. */
    if ((job->flags & JOB_REQUIRETLS) && job->route.len == 0)
        return (struct tlspolicy){.level = TLS_DANE_ONLY};
    return tlspolicy_find(&all->policies, host, known ? TLS_VERIFY : TLS_MAY);
}

enum tls_level
sessions_wanted(const struct sessions *all, const struct job *job)
{
    return find_policy(all, job, false).level;
}

/* A secret is told to nobody but the relay, unless a line says so, and in
 * clear only by `none`. */
struct tlspolicy
sessions_policy(const struct sessions *all, const struct job *job,
                const struct dane *dane)
{
    struct auth_secret secret;
    bool known = sessions_secret(all, job, &secret);
    struct tlspolicy p = find_policy(all, job, known);

    if (!dane_level(p.level, dane, &p.level))
        p.level = TLS_DANE_ONLY; /* and no record: nobody will do */
    if (known && p.level == TLS_MAY)
        p.level = TLS_ENCRYPT;
    if (job->port == SESSION_TLS_PORT && p.level < TLS_ENCRYPT)
        p.level = TLS_ENCRYPT;
    if ((job->flags & JOB_REQUIRETLS) && p.level < TLS_VERIFY)
        p = (struct tlspolicy){.level = TLS_VERIFY};
    return p;
}

void
sessions_key(const struct sessions *all, struct buf *key,
             const struct job *job)
{
    struct view host = job->route.len ? job->route : job->site;
    const struct bind_row *as = bind_find(&all->binds, job->sender);
    size_t start;

    if (as)
        buf_print(key, "as%zu ", (size_t)(as - all->binds.rows));
    buf_print(key, "%s%s %u ", job->flags & JOB_REQUIRETLS ? "tls " : "",
              job->route.len ? "host" : "mx", (unsigned)job->port);
    start = key->len;
    buf_addview(key, host);
    for (size_t i = start; i < key->len; i++)
        if (key->data[i] >= 'A' && key->data[i] <= 'Z')
            key->data[i] = (char)(key->data[i] + ('a' - 'A'));
}

static struct session_list *
bucket(struct sessions *all, struct view key)
{
    unsigned char hash[crypto_shorthash_BYTES];

    crypto_shorthash(hash, (const unsigned char *)key.data, key.len,
                     all->hash_key);
    return &all->buckets[get_u32(hash) % SESSIONS_BUCKETS];
}

struct session *
sessions_take(struct sessions *all, struct view key)
{
    struct session *s;

    LIST_FOREACH(s, bucket(all, key), same)
        if (view_equal(buf_view(&s->key), key)) {
            sessions_forget(all, s);
            return s;
        }
    return NULL;
}

void
sessions_keep(struct sessions *all, struct session *s)
{
    s->idle = true;
    TAILQ_INSERT_TAIL(&all->idle, s, age);
    LIST_INSERT_HEAD(bucket(all, buf_view(&s->key)), s, same);
}

void
sessions_forget(struct sessions *all, struct session *s)
{
    if (!s->idle)
        return;
    s->idle = false;
    TAILQ_REMOVE(&all->idle, s, age);
    LIST_REMOVE(s, same);
}

void
sessions_make_room(struct sessions *all)
{
    struct session *s = TAILQ_FIRST(&all->idle);

    if (s && all->count >= all->limit + all->limit / SESSIONS_IDLE_PART)
        session_close(s);
}

void
sessions_stop(struct sessions *all)
{
    struct session *s;

    all->stopping = true;
    while ((s = TAILQ_FIRST(&all->idle)))
        session_close(s);
}
