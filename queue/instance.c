#include "queue/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

const char *const instance_users[USER_COUNT] = {
    [USER_QUEUE] = "godwitq",
    [USER_SPOOL] = "godwits",
    [USER_SMTPD] = "godwitd",
    [USER_REMOTE] = "godwitr",
};

/* todo/: enqueue (by the group godwits) makes files and can neither list
 * the folder nor touch what others made; they get the folder's group. */
const struct instance_part instance_parts[] = {
    {PLACE_CONTROL, "", S_IFDIR, 0755, 0755, false},
    {PLACE_QUEUE, "", S_IFDIR, 0755, 0755, false},
    {PLACE_QUEUE, "todo", S_IFDIR, 03730, 0700, true},
    {PLACE_QUEUE, "info", S_IFDIR, 0700, 0700, true},
    {PLACE_QUEUE, "bounce", S_IFDIR, 0700, 0700, true},
    {PLACE_QUEUE, "ledger", S_IFDIR, 0700, 0700, true},
    {PLACE_QUEUE, "broken", S_IFDIR, 0700, 0700, true},
    {PLACE_QUEUE, "lock", S_IFREG, 0600, 0600, true},
    {PLACE_QUEUE, "trigger", S_IFIFO, 0620, 0600, true},
    {PLACE_RUN, "", S_IFDIR, 0755, 0755, false},
};
const size_t instance_part_count =
    sizeof instance_parts / sizeof *instance_parts;

void
instance_open(struct instance *i)
{
    memset(i, 0, sizeof *i);
    conf_paths(&i->paths);
    i->split = geteuid() == 0;
}

void
instance_free(struct instance *i)
{
    conf_pathsfree(&i->paths);
}

int
instance_findusers(struct instance *i, const char **missing)
{
    for (int u = 0; i->split && u < USER_COUNT; u++) {
        int r = jail_user(&i->users[u], instance_users[u],
                          u == USER_QUEUE ? instance_users[USER_SPOOL] : NULL);

        *missing = instance_users[u];
        if (r < 0)
            return r;
    }
    return 0;
}

const char *
instance_folder(const struct instance *i, enum instance_place p)
{
    return p == PLACE_CONTROL ? i->paths.control
           : p == PLACE_QUEUE ? i->paths.queue
                              : i->paths.run;
}

char *
instance_path(const struct instance *i, const struct instance_part *p)
{
    struct buf b = {0};

    buf_addstr(&b, instance_folder(i, p->place));
    if (*p->name)
        buf_print(&b, "/%s", p->name);
    return b.data;
}

struct jail_user
instance_owner(const struct instance *i, bool spool)
{
    struct jail_user self = {.uid = geteuid(), .gid = getegid()};

    return i->split && spool ? i->users[USER_SPOOL] : self;
}

char *
instance_closed(const char *path)
{
    char *copy = mem_string(path), *slash = copy;
    struct stat st;

    while (*slash && (slash = strchr(slash + 1, '/'))) {
        *slash = 0;
        if (stat(copy, &st) == 0 && !(st.st_mode & S_IXOTH))
            return copy;
        *slash = '/';
    }
    free(copy);
    return NULL;
}

static unsigned
fault(const char *path, const char *why)
{
    log_event("fatal path=%s why=%s", path, why);
    return 1;
}

static unsigned
check_part(const struct instance *i, const struct instance_part *p)
{
    char *path = instance_path(i, p);
    unsigned faults = 0;
    struct stat st;

    if (lstat(path, &st) < 0)
        faults = fault(path, errno == ENOENT
                                 ? "missing, mend it with: godwit init"
                                 : strerror(errno));
    else if ((st.st_mode & S_IFMT) != p->type && *p->name)
        faults = fault(path, "not what it should be, see: godwit init");
    else if (p->spool && st.st_uid != instance_owner(i, true).uid)
        faults = fault(path, i->split
                                 ? "does not belong to godwits: start it as "
                                   "its owner, or mend it with: godwit init"
                                 : "belongs to another user: start it as "
                                   "that user or as root");
    free(path);
    return faults;
}

unsigned
instance_check(const struct instance *i)
{
    unsigned faults = 0;
    char *closed;

    if (access(i->paths.queue, F_OK) < 0 && errno == ENOENT) {
        log_event("fatal path=%s why=%s", i->paths.queue,
                  "no instance there, make one with: godwit init");
        return 1;
    }
    for (size_t n = 0; n < instance_part_count; n++)
        if (instance_parts[n].place != PLACE_RUN)
            faults += check_part(i, &instance_parts[n]);
    if (i->split && (closed = instance_closed(i->paths.queue))) {
        faults += fault(closed, "closed to the programs' users, who have to "
                                "reach the spool in it");
        free(closed);
    }
    return faults;
}
