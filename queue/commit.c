#include "queue/commit.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"

/* model: incoming-folder */
static int
sync_folder(const struct commit *c)
{
    if (!c->whole)
        return file_sync(c->fd);
    return syncfs(c->fd) < 0 ? -errno : 0;
}

/* The wishes may be gone as soon as they are told. */
static void
tell(struct commit_wish *w, int result)
{
    while (w) {
        struct commit_wish *next = w->next;

        w->result = result;
        w->over = true;
        pthread_cond_signal(&w->done);
        w = next;
    }
}

static void *
serve(void *data)
{
    struct commit *c = data;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        struct commit_wish *all;
        int r;

        while (!c->waiting)
            pthread_cond_wait(&c->asked, &c->lock);
        all = c->waiting;
        c->waiting = NULL;
        pthread_mutex_unlock(&c->lock);
        r = sync_folder(c);
        pthread_mutex_lock(&c->lock);
        c->syncs++;
        tell(all, r);
    }
    return NULL;
}

int
commit_start(struct commit *c, int fd, bool whole)
{
    pthread_t thread;
    int r;

    *c = (struct commit){.fd = fd, .whole = whole,
                         .lock = PTHREAD_MUTEX_INITIALIZER,
                         .asked = PTHREAD_COND_INITIALIZER};
    if ((r = pthread_create(&thread, NULL, serve, c)) == 0)
        pthread_detach(thread);
    return -r;
}

void
commit_ask(struct commit *c, struct commit_wish *w)
{
    *w = (struct commit_wish){.done = PTHREAD_COND_INITIALIZER};
    pthread_mutex_lock(&c->lock);
    w->next = c->waiting;
    c->waiting = w;
    if (!w->next)
        pthread_cond_signal(&c->asked);
    pthread_mutex_unlock(&c->lock);
}

int
commit_await(struct commit *c, struct commit_wish *w)
{
    pthread_mutex_lock(&c->lock);
    while (!w->over)
        pthread_cond_wait(&w->done, &c->lock);
    pthread_mutex_unlock(&c->lock);
    return w->result;
}
