#include "queue/commit.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"

void
commit_init(struct commit *c, int fd, bool whole)
{
    *c = (struct commit){.fd = fd, .whole = whole,
                         .lock = PTHREAD_MUTEX_INITIALIZER,
                         .begun = PTHREAD_COND_INITIALIZER,
                         .ended = PTHREAD_COND_INITIALIZER};
}

/* model: incoming-folder */
static int
sync_folder(const struct commit *c)
{
    if (!c->whole)
        return file_sync(c->fd);
    return syncfs(c->fd) < 0 ? -errno : 0;
}

static bool
may_begin(const struct commit *c)
{
    return c->left == 0 && c->waiting > 0 && c->waiting >= c->coming;
}

void
commit_expect(struct commit *c)
{
    pthread_mutex_lock(&c->lock);
    c->coming++;
    pthread_mutex_unlock(&c->lock);
}

void
commit_forget(struct commit *c)
{
    pthread_mutex_lock(&c->lock);
    c->coming--;
    if (may_begin(c))
        pthread_cond_broadcast(&c->begun);
    pthread_mutex_unlock(&c->lock);
}

/* Locked.  Waits until the batch that gathers begins; whether we begin it,
 * and so have to sync the folder. */
static bool
gather(struct commit *c)
{
    uint64_t mine = c->batch;

    c->coming--;
    c->waiting++;
    while (c->batch == mine && !may_begin(c))
        pthread_cond_wait(&c->begun, &c->lock);
    if (c->batch != mine)
        return false;
    c->batch++;
    c->left = c->waiting;
    c->waiting = 0;
    c->folder_done = false;
    pthread_cond_broadcast(&c->begun);
    return true;
}

/* Locked.  The folder's result, once it is there. */
static int
leave(struct commit *c)
{
    int r;

    while (!c->folder_done)
        pthread_cond_wait(&c->ended, &c->lock);
    r = c->result;
    if (--c->left == 0 && may_begin(c))
        pthread_cond_broadcast(&c->begun);
    return r;
}

int
commit_sync(struct commit *c, struct incoming *in)
{
    int file, folder, r = 0;
    bool first;

    pthread_mutex_lock(&c->lock);
    first = gather(c);
    pthread_mutex_unlock(&c->lock);
    if (first)
        r = sync_folder(c);
    file = in ? incoming_sync(in) : 0;
    pthread_mutex_lock(&c->lock);
    if (first) {
        c->syncs++;
        c->result = r;
        c->folder_done = true;
        pthread_cond_broadcast(&c->ended);
    }
    folder = leave(c);
    pthread_mutex_unlock(&c->lock);
    return file < 0 ? file : folder;
}
