/* jail.h - who a program is, and what it can do no more
 *
 * All return 0 or a negative errno, and none can be undone.  The order that
 * works: jail_limits, jail_become, jail_files, jail_seal. */
#ifndef BASE_JAIL_H
#define BASE_JAIL_H

#include <stddef.h>
#include <sys/types.h>

enum { JAIL_GROUPS_MAX = 8 };

struct jail_user {
    uid_t uid;
    gid_t gid;
    gid_t groups[JAIL_GROUPS_MAX]; /* besides gid */
    size_t group_count;
};

/* Fills u from the system's tables: name's uid and group, and the group
 * extra (NULL: none).  -ENOENT if there is no such user or group. */
int jail_user(struct jail_user *u, const char *name, const char *extra);

/* Becomes u for good: groups, then gid, then uid, each of the three kinds,
 * looked at again afterwards (-EPERM if any differs). */
int jail_become(const struct jail_user *u);

/* No core files, which would hold mail; as many as files open descriptors,
 * or as many as the hard limit has (0: left as it is). */
int jail_limits(unsigned files);

/* No program started from here gains rights by a setuid bit. */
int jail_nonewprivs(void);

/* What jail_seal takes away; a call that is denied fails with EPERM.  Calls
 * that none of our programs needs are denied with each kind: other
 * processes' memory, mounts, namespaces, keys, kernel and clock, io_uring
 * (it would go around the filter). */
enum {
    JAIL_NOEXEC = 1,    /* starting a program */
    JAIL_NOLISTDIR = 2, /* reading the names in a folder */
    JAIL_NONETWORK = 4, /* sockets other than unix ones */
    JAIL_NOFILES = 8,   /* opening files */
    JAIL_NOCHANGE = 64, /* making, changing and moving files, also to open
                           them for that */
    JAIL_NOFORK = 16,   /* new processes and signals to others; not threads */
    JAIL_CLIENT = 32,   /* sockets other than IP ones, and being called */
    JAIL_TRAPFILES = 128, /* opening files: raises SIGSYS, which ends who
                             does not catch it; not with NOCHANGE */
};

/* Closes a program in with a system call filter of the kinds, in all its
 * threads.  Sets jail_nonewprivs too. */
int jail_seal(unsigned kinds);

/* Rights below a path. */
enum {
    JAIL_READ = 1,    /* open files for reading */
    JAIL_WRITE = 2,   /* open files for writing, cut them */
    JAIL_LIST = 4,    /* read the names in folders */
    JAIL_CREATE = 8,  /* make files, folders and links, remove and move */
    JAIL_EXEC = 16,   /* start programs */
};

struct jail_path {
    const char *path;
    unsigned rights;
};

/* From now on files are opened below the paths alone, with their rights; no
 * path: nothing is opened.  Descriptors that are open stay as they are.  A
 * move or link between two folders needs JAIL_CREATE in both.  -ENOSYS or
 * -EOPNOTSUPP if the kernel has no Landlock: nothing was changed, the caller
 * says so once and goes on.  Sets jail_nonewprivs too. */
int jail_files(const struct jail_path *paths, size_t count);

#endif
