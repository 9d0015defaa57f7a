#include "queue/commit.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"

void
commit_init(struct commit *c, int fd, bool whole, bool orders)
{
    *c = (struct commit){.fd = fd, .whole = whole, .orders = orders,
                         .lock = PTHREAD_MUTEX_INITIALIZER};
}

static void
write_all(struct storing *first)
{
    for (struct storing *s = first; s; s = s->next) {
        s->named = false;
        s->result = s->in ? incoming_write(s->in, s->envelope, s->next_s) : 0;
        /* The disk works on it while the next is written. */
        if (s->in && s->result == 0 && first->next && incoming_ordered(s->in))
            s->result = file_hurry(s->in->fd);
    }
}

/* What each of them needs before it may have its name. */
static void
settle_all(struct storing *first, struct syncs *syncs)
{
    for (struct storing *s = first; s; s = s->next)
        if (s->in && s->result == 0 && !incoming_ordered(s->in))
            syncs_add(syncs, s->in->fd, &s->result);
    syncs_begin(syncs);
    for (struct storing *s = first; s; s = s->next)
        if (s->in && s->result == 0 && incoming_ordered(s->in))
            s->result = file_settle(s->in->fd);
    syncs_end(syncs);
}

/* Whether there is a name now that has to be durable. */
static bool
link_all(struct storing *first)
{
    bool any = false;

    for (struct storing *s = first; s; s = s->next) {
        if (s->in && s->result == 0) {
            s->result = incoming_link(s->in);
            s->named = s->result == 0;
            /* It was stored before. */
            if (s->result == -EEXIST && s->envelope->chosenid)
                s->result = 0;
        }
        any = any || s->result == 0;
    }
    return any;
}

/* model: incoming-folder */
static int
sync_once(const struct commit *c)
{
    if (!c->whole)
        return file_sync(c->fd);
    return syncfs(c->fd) < 0 ? -errno : 0;
}

/* failures: as many as there were before the names were given.  A fault is
 * told once to each descriptor, and we all have the same: what another was
 * told since may be of our names.  A journal that has a fault says so ever
 * after; without one, one at a time. */
static int
sync_folder(struct commit *c, unsigned failures)
{
    int r;

    if (!c->orders)
        pthread_mutex_lock(&c->lock);
    if ((r = sync_once(c)) < 0)
        atomic_fetch_add(&c->failures, 1);
    else if (atomic_load(&c->failures) != failures)
        r = -EIO;
    if (!c->orders)
        pthread_mutex_unlock(&c->lock);
    return r;
}

static void
sync_all(struct commit *c, struct storing *first, unsigned failures,
         struct syncs *syncs)
{
    int folder;

    for (struct storing *s = first; s; s = s->next)
        if (s->named && incoming_ordered(s->in))
            syncs_add(syncs, s->in->fd, &s->result);
    syncs_begin(syncs);
    folder = sync_folder(c, failures);
    syncs_end(syncs);
    for (struct storing *s = first; s; s = s->next) {
        if (s->result == 0)
            s->result = folder;
        if (s->result < 0 && s->named && !s->envelope->chosenid)
            incoming_unlink(s->in);
    }
}

void
commit_batch(struct commit *c, struct storing *first, struct syncs *syncs)
{
    unsigned failures;

    write_all(first);
    settle_all(first, syncs);
    failures = atomic_load(&c->failures);
    if (link_all(first))
        sync_all(c, first, failures, syncs);
}
