#include "local/passwd.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ENTRY_MAX = 1 << 20 };

/* By name, or where that is NULL by uid. */
static int
get_entry(const char *name, uid_t uid, char *space, size_t size,
          struct passwd *entry, struct passwd **found)
{
    if (name)
        return getpwnam_r(name, entry, space, size, found);
    return getpwuid_r(uid, entry, space, size, found);
}

static int
fill_groups(struct account *a)
{
    int room = 32, count;

    for (;;) {
        count = room;
        a->groups = mem_grow(a->groups, (size_t)room * sizeof(gid_t));
        if (getgrouplist(a->name, a->gid, a->groups, &count) >= 0)
            break;
        if (count <= room)
            count = room * 2;
        if ((room = count) > USER_GROUPS_MAX)
            return -E2BIG;
    }
    a->group_count = (size_t)count;
    return 1;
}

static int
find(const char *name, uid_t uid, struct account *a)
{
    struct passwd entry, *found = NULL;
    size_t size = 1024;
    char *space = mem_alloc(size);
    int r;

    memset(a, 0, sizeof *a);
    while ((r = get_entry(name, uid, space, size, &entry, &found)) != 0) {
        if (r == EINTR)
            continue;
        if (r != ERANGE || size >= ENTRY_MAX)
            break;
        space = mem_grow(space, size *= 2);
    }
    /* Some services find what was not asked for, in another case. */
    if (r == 0 && found && (!name || strcmp(found->pw_name, name) == 0)) {
        a->name = mem_string(found->pw_name);
        a->home = mem_string(found->pw_dir);
        a->uid = found->pw_uid;
        a->gid = found->pw_gid;
        r = fill_groups(a);
        if (r < 0)
            account_free(a);
    } else {
        r = -r;
    }
    free(space);
    return r;
}

int
passwd_byname(const char *name, struct account *a)
{
    return find(name, 0, a);
}

int
passwd_byuid(uid_t uid, struct account *a)
{
    return find(NULL, uid, a);
}
