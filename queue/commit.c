#include "queue/commit.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"

static void
write_all(struct storing *first)
{
    for (struct storing *s = first; s; s = s->next) {
        s->named = false;
        s->result = s->in ? incoming_write(s->in, s->envelope, s->next_s) : 0;
        /* The disk works on it while the next is written. */
        if (s->in && s->result == 0 && first->next)
            file_hurry(s->in->fd);
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
sync_folder(const struct commit *c)
{
    if (!c->whole)
        return file_sync(c->fd);
    return syncfs(c->fd) < 0 ? -errno : 0;
}

static void
sync_all(const struct commit *c, struct storing *first, struct syncs *syncs)
{
    int folder;

    for (struct storing *s = first; s; s = s->next)
        if (s->named && incoming_ordered(s->in))
            syncs_add(syncs, s->in->fd, &s->result);
    syncs_begin(syncs);
    folder = sync_folder(c);
    syncs_end(syncs);
    for (struct storing *s = first; s; s = s->next) {
        if (s->result == 0)
            s->result = folder;
        if (s->result < 0 && s->named && !s->envelope->chosenid)
            incoming_unlink(s->in);
    }
}

void
commit_batch(const struct commit *c, struct storing *first,
             struct syncs *syncs)
{
    write_all(first);
    settle_all(first, syncs);
    if (link_all(first))
        sync_all(c, first, syncs);
}
