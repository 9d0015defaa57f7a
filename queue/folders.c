#include "queue/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/putright.h"

static bool
is_right(const struct instance *i, const struct instance_part *p,
         const struct stat *st, uid_t owner)
{
    const struct jail_user *spool = &i->users[USER_SPOOL];
    mode_t mode = st->st_mode & 07777;

    /* A private instance's outer folder may be closed. */
    if (!*p->name && !i->split)
        return !(mode & 022);
    if (mode != (i->split ? p->mode : p->single_mode))
        return false;
    if (!i->split)
        return st->st_uid == owner;
    return p->spool ? st->st_uid == spool->uid && st->st_gid == spool->gid
                    : st->st_uid == 0;
}

static int
set_right(const struct instance *i, const struct instance_part *p,
          const struct stat *st, int queue, uid_t owner)
{
    bool spool = i->split && p->spool;
    int r = putright_rights(queue, *p->name ? p->name : ".", p->type,
                            spool ? i->users[USER_SPOOL].uid : owner,
                            spool ? i->users[USER_SPOOL].gid : st->st_gid,
                            i->split ? p->mode : p->single_mode);

    /* No fsync reaches a FIFO. */
    return r == 0 && syncfs(queue) < 0 ? -errno : r;
}

static void
look(const struct instance *i, const struct instance_part *p, int queue,
     uid_t owner, bool mend,
     void (*say)(void *data, const char *name, const char *what, enum act act,
                 int done), void *data)
{
    struct stat st;

    if (fstatat(queue, *p->name ? p->name : ".", &st,
                AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT)
            say(data, p->name, "missing; godwit init makes it", ACT_LEAVE, 0);
        else
            say(data, p->name, strerror(errno), ACT_CANNOT, 0);
    } else if ((st.st_mode & S_IFMT) != p->type) {
        say(data, p->name, "not what it should be; move it away, then: "
            "godwit init", ACT_LEAVE, 0);
    } else if (!is_right(i, p, &st, owner)) {
        say(data, p->name, "wrong owner or mode", ACT_RIGHTS,
            mend ? set_right(i, p, &st, queue, owner) : 0);
    }
}

void
folders_look(const struct instance *i, uid_t owner, bool mend,
             void (*say)(void *data, const char *name, const char *what,
                         enum act act, int done), void *data)
{
    int queue, r = file_opendir(&queue, AT_FDCWD, i->paths.queue);

    if (r < 0) {
        say(data, "", strerror(-r), ACT_CANNOT, 0);
        return;
    }
    for (size_t n = 0; n < instance_part_count; n++)
        if (instance_parts[n].place == PLACE_QUEUE)
            look(i, &instance_parts[n], queue, owner, mend, say, data);
    file_close(&queue);
}
