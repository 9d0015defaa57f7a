#include "base/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int
jail_user(struct jail_user *u, const char *name, const char *extra)
{
    const struct passwd *pw;
    const struct group *gr;

    errno = 0;
    if (!(pw = getpwnam(name)))
        return errno ? -errno : -ENOENT;
    *u = (struct jail_user){.uid = pw->pw_uid, .gid = pw->pw_gid};
    if (!extra)
        return 0;
    errno = 0;
    if (!(gr = getgrnam(extra)))
        return errno ? -errno : -ENOENT;
    u->groups[u->group_count++] = gr->gr_gid;
    return 0;
}

static bool
is_now(const struct jail_user *u)
{
    gid_t groups[JAIL_GROUPS_MAX + 1];
    uid_t ruid, euid, suid;
    gid_t rgid, egid, sgid;
    int n = getgroups(JAIL_GROUPS_MAX + 1, groups);

    if (getresuid(&ruid, &euid, &suid) < 0 ||
        getresgid(&rgid, &egid, &sgid) < 0 || n != (int)u->group_count)
        return false;
    return ruid == u->uid && euid == u->uid && suid == u->uid &&
           rgid == u->gid && egid == u->gid && sgid == u->gid;
}

int
jail_become(const struct jail_user *u)
{
    if (u->group_count > JAIL_GROUPS_MAX)
        return -EINVAL;
    if (setgroups(u->group_count, u->groups) < 0 ||
        setresgid(u->gid, u->gid, u->gid) < 0 ||
        setresuid(u->uid, u->uid, u->uid) < 0)
        return -errno;
    if (!is_now(u))
        return -EPERM;
    /* Whoever can become root again never left it. */
    if (u->uid != 0 && setuid(0) == 0)
        return -EPERM;
    return 0;
}

int
jail_limits(unsigned files)
{
    struct rlimit none = {0, 0}, limit;

    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return -errno;
    if (files == 0)
        return 0;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    limit.rlim_cur = files < limit.rlim_max ? files : limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

int
jail_nonewprivs(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static const int never[] = {
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2),
    SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(move_mount),
    SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
    SCMP_SYS(open_by_handle_at), SCMP_SYS(quotactl), SCMP_SYS(quotactl_fd),
    SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct),
    SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(personality),
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key),
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(reboot),
    SCMP_SYS(syslog), SCMP_SYS(iopl), SCMP_SYS(ioperm),
    SCMP_SYS(settimeofday), SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname), SCMP_SYS(vhangup),
};

static const int no_exec[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};
static const int no_listdir[] = {SCMP_SYS(getdents), SCMP_SYS(getdents64)};

static const int no_files[] = {
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat),
};

/* openat2 hides its flags in memory. */
static const int no_change[] = {
    SCMP_SYS(openat2), SCMP_SYS(creat), SCMP_SYS(truncate),
    SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
    SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink),
    SCMP_SYS(symlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir), SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(chmod),
    SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(fchown),
    SCMP_SYS(lchown), SCMP_SYS(fchownat), SCMP_SYS(chdir), SCMP_SYS(fchdir),
    SCMP_SYS(utime), SCMP_SYS(utimes), SCMP_SYS(futimesat),
    SCMP_SYS(utimensat), SCMP_SYS(setxattr), SCMP_SYS(lsetxattr),
    SCMP_SYS(fsetxattr), SCMP_SYS(removexattr), SCMP_SYS(lremovexattr),
    SCMP_SYS(fremovexattr), SCMP_SYS(name_to_handle_at),
    SCMP_SYS(inotify_init), SCMP_SYS(inotify_init1),
    SCMP_SYS(fanotify_init),
};

static const int no_fork[] = {
    SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(kill), SCMP_SYS(tkill),
    SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_send_signal),
};

static const int no_server[] = {
    SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
};

static int
deny(scmp_filter_ctx filter, uint32_t how, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int r = seccomp_rule_add(filter, how, calls[i], 0);

        /* -EDOM: this processor has no such call. */
        if (r < 0 && r != -EDOM)
            return r;
    }
    return 0;
}

/* A new namespace by clone.  clone3 hides its flags in memory, so it has to
 * be absent as a whole; the C library then takes clone for its threads. */
static int
deny_namespaces(scmp_filter_ctx filter)
{
    static const unsigned long flags[] = {
        CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
        CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
    };
    int r;

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone),
                             1, SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i],
                                        flags[i]));
        if (r < 0)
            return r;
    }
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3),
                            0);
}

/* A clone that is no thread of ours; clone3 is absent in any case. */
static int
deny_processes(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
}

/* Opening by a flag with which a file could be changed or made. */
static int
deny_writing(scmp_filter_ctx filter)
{
    static const unsigned long flags[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof flags / sizeof *flags; i++) {
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat),
                             1, SCMP_A2(SCMP_CMP_MASKED_EQ, flags[i],
                                        flags[i]));
        if (r == 0)
            r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
                                 SCMP_SYS(open), 1,
                                 SCMP_A1(SCMP_CMP_MASKED_EQ, flags[i],
                                         flags[i]));
    }
    return r == -EDOM ? 0 : r;
}

static int
deny_families(scmp_filter_ctx filter)
{
    int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket),
                             1, SCMP_A0(SCMP_CMP_LT, AF_INET, 0));

    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket),
                             1, SCMP_A0(SCMP_CMP_GT, AF_INET6, 0));
    /* What lies between the two are families of the eighties. */
    for (unsigned f = AF_INET + 1; r == 0 && f < AF_INET6; f++)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket),
                             1, SCMP_A0(SCMP_CMP_EQ, f, 0));
    return r;
}

#define DENY(filter, calls) \
    deny(filter, SCMP_ACT_ERRNO(EPERM), calls, sizeof calls / sizeof *calls)

int
jail_seal(unsigned kinds)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int r;

    if (!filter)
        return -ENOMEM;
    if ((r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1)) == 0 &&
        (r = DENY(filter, never)) == 0)
        r = deny_namespaces(filter);
    if (r == 0 && kinds & JAIL_NOEXEC)
        r = DENY(filter, no_exec);
    if (r == 0 && kinds & JAIL_NOLISTDIR)
        r = DENY(filter, no_listdir);
    if (r == 0 && kinds & JAIL_NONETWORK)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket),
                             1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
    if (r == 0 && kinds & JAIL_NOFILES)
        r = DENY(filter, no_files);
    if (r == 0 && kinds & JAIL_TRAPFILES)
        r = deny(filter, SCMP_ACT_TRAP, no_files,
                 sizeof no_files / sizeof *no_files);
    if (r == 0 && kinds & JAIL_NOCHANGE && (r = DENY(filter, no_change)) == 0)
        r = deny_writing(filter);
    if (r == 0 && kinds & JAIL_NOFORK && (r = DENY(filter, no_fork)) == 0)
        r = deny_processes(filter);
    if (r == 0 && kinds & JAIL_CLIENT && (r = DENY(filter, no_server)) == 0)
        r = deny_families(filter);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r;
}
