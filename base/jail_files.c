#include "base/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

/* The versions of Landlock that brought rights the first did not have. */
enum { SINCE_REFER = 2, SINCE_TRUNCATE = 3 };

/* Younger than some systems' headers. */
#define ACCESS_TRUNCATE (1ULL << 14)

#define READ LANDLOCK_ACCESS_FS_READ_FILE
#define WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)
#define LIST LANDLOCK_ACCESS_FS_READ_DIR
#define EXEC LANDLOCK_ACCESS_FS_EXECUTE
#define CREATE                                                               \
    (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |        \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |             \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |           \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

static const struct {
    unsigned right;
    uint64_t access;
} table[] = {
    {JAIL_READ, READ}, {JAIL_WRITE, WRITE}, {JAIL_LIST, LIST},
    {JAIL_CREATE, CREATE}, {JAIL_EXEC, EXEC},
};

/* What this kernel's version of Landlock can control at all. */
static uint64_t
known(long version)
{
    uint64_t all = READ | WRITE | LIST | CREATE | EXEC | DEVICES;

    if (version < SINCE_REFER)
        all &= ~LANDLOCK_ACCESS_FS_REFER;
    if (version < SINCE_TRUNCATE)
        all &= ~ACCESS_TRUNCATE;
    return all;
}

static int
allow(int rules, const struct jail_path *p, uint64_t all)
{
    struct landlock_path_beneath_attr beneath = {0};
    struct stat st;
    int fd, r = 0;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (p->rights & table[i].right)
            beneath.allowed_access |= table[i].access & all;
    fd = open(p->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        r = -errno;
    else if (!S_ISDIR(st.st_mode))
        beneath.allowed_access &= READ | WRITE | EXEC;
    beneath.parent_fd = fd;
    if (r == 0 && beneath.allowed_access &&
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
                &beneath, 0) < 0)
        r = -errno;
    file_close(&fd);
    return r;
}

int
jail_files(const struct jail_path *paths, size_t count)
{
    struct landlock_ruleset_attr attr = {0};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
                           LANDLOCK_CREATE_RULESET_VERSION);
    int rules, r = 0;

    if (version < 0)
        return -errno;
    attr.handled_access_fs = known(version);
    rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (rules < 0)
        return -errno;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = allow(rules, &paths[i], attr.handled_access_fs);
    if (r == 0 && (r = jail_nonewprivs()) == 0 &&
        syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        r = -errno;
    file_close(&rules);
    return r;
}
