#include "queue/chosen.h"

#include <poll.h>
#include <sys/stat.h>

#include "base/id.h"

/* model: incoming-left */
static bool
left(const struct caller *c)
{
    struct pollfd p = {.events = POLLRDHUP};

    return uv_fileno((const uv_handle_t *)&c->pipe, &p.fd) < 0 ||
           poll(&p, 1, 0) != 0;
}

/* model: incoming-once */
static bool
busy(const struct caller *c)
{
    uint64_t id = c->envelope.chosenid;

    for (const struct caller *o = c->door->enqueue->callers; o; o = o->next)
        if (o != c && o->busy && o->envelope.chosenid == id)
            return true;
    return false;
}

/* model: incoming-there */
static bool
there(const struct caller *c)
{
    struct stat st;
    id_text name;

    return fstatat(c->door->enqueue->todo.dir,
                   id_print(c->envelope.chosenid, name), &st,
                   AT_SYMLINK_NOFOLLOW) == 0;
}

/* While the asking manager waits, a bounce that an earlier request made
 * stays in todo/.  So the look at the folder, here and not in the pool where
 * it could be late, comes before the look at the manager. */
enum chosen
chosen_look(const struct caller *c)
{
    bool is_there;

    if (busy(c))
        return CHOSEN_BUSY;
    is_there = there(c);
    if (left(c))
        return CHOSEN_LEFT;
    return is_there ? CHOSEN_THERE : CHOSEN_NEW;
}
