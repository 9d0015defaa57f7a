#include "queue/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/instance.h"

enum { EXEC_FAILED = 127 };

static int
run(char *const argv[])
{
    int status;
    pid_t pid;

    if ((pid = fork()) == 0) {
        execv(argv[0], argv);
        _exit(EXEC_FAILED);
    }
    if (pid < 0)
        return -errno;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXEC_FAILED)
        return -ENOENT;
    return status == 0 ? 0 : -EIO;
}

static int
make_group(const char *name, struct buf *made)
{
    char *argv[] = {(char *)"/usr/sbin/groupadd", (char *)"--system",
                    (char *)name, NULL};
    int r;

    if (getgrnam(name))
        return 0;
    if ((r = run(argv)) == 0)
        buf_print(made, "made group %s\n", name);
    return r;
}

static int
make_user(const char *name, struct buf *made)
{
    char *argv[] = {(char *)"/usr/sbin/useradd", (char *)"--system",
                    (char *)"--gid", (char *)name,
                    (char *)"--no-create-home",
                    (char *)"--home-dir", (char *)"/nonexistent",
                    (char *)"--shell", (char *)"/usr/sbin/nologin",
                    (char *)name, NULL};
    int r;

    if (getpwnam(name))
        return 0;
    if ((r = run(argv)) == 0)
        buf_print(made, "made user %s\n", name);
    return r;
}

static bool
is_member(const char *group, const char *name)
{
    const struct group *gr = getgrnam(group);

    for (char **member = gr ? gr->gr_mem : NULL; member && *member; member++)
        if (strcmp(*member, name) == 0)
            return true;
    return false;
}

static int
make_member(const char *group, const char *name, struct buf *made)
{
    char *argv[] = {(char *)"/usr/sbin/usermod", (char *)"--append",
                    (char *)"--groups", (char *)group, (char *)name, NULL};
    int r;

    if (is_member(group, name))
        return 0;
    if ((r = run(argv)) == 0)
        buf_print(made, "made %s a member of group %s\n", name, group);
    return r;
}

int
users_make(struct buf *made)
{
    int r = 0;

    for (int u = 0; r == 0 && u < USER_COUNT; u++)
        if ((r = make_group(instance_users[u], made)) == 0)
            r = make_user(instance_users[u], made);
    if (r == 0)
        r = make_member(instance_users[USER_SPOOL],
                        instance_users[USER_QUEUE], made);
    return r;
}

bool
users_find(const char *name, uid_t *uid)
{
    struct passwd *pw = getpwnam(name);

    if (pw)
        *uid = pw->pw_uid;
    return pw != NULL;
}
