#include "queue/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "queue/commands.h"
#include "queue/hostname.h"
#include "queue/ledgerkey.h"
#include "queue/users.h"

/* While the folders are made; steps return 0 or an exit code. */
struct init {
    const struct instance *instance;
    unsigned changes;
};

__attribute__((format(printf, 3, 4))) static int
refuse(int code, const char *path, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "godwit init: %s: ", path);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    return code;
}

static int
refuse_errno(const char *path, const char *what, int r)
{
    bool rights = (r == -EACCES || r == -EPERM || r == -EROFS) && geteuid();

    return refuse(EXIT_LATER, path, "cannot %s: %s%s", what, strerror(-r),
                  rights ? "; run as root, or name a folder of your own: "
                           "godwit init DIR"
                         : "");
}

static void
changed(struct init *in, const char *did, const char *path)
{
    in->changes++;
    printf("%s %s\n", did, path);
}

/* Every folder above path. */
static int
make_parents(struct init *in, const char *path)
{
    char *copy = mem_string(path), *slash = copy;
    int code = 0, r;

    while (code == 0 && (slash = strchr(slash + 1, '/'))) {
        *slash = 0;
        if (access(copy, F_OK) < 0 && errno == ENOENT) {
            if ((r = file_makedir(AT_FDCWD, copy, 0755)) < 0)
                code = refuse_errno(copy, "make this folder", r);
            else
                changed(in, "made", copy);
        }
        *slash = '/';
    }
    free(copy);
    return code;
}

/* Owner first: a change of it takes setuid and setgid bits away. */
static int
set_owner(const char *path, struct jail_user owner, mode_t mode)
{
    int r = fchownat(AT_FDCWD, path, owner.uid, owner.gid, 0);

    if (r == 0)
        r = chmod(path, mode);
    return r < 0 ? refuse_errno(path, "set owner and mode", -errno) : 0;
}

/* What was there before: a mode is mended; an owner only from root, who has
 * it between making and giving away.  Another user's files stay his. */
static int
mend(struct init *in, const char *path, struct jail_user owner, mode_t mode)
{
    struct stat st;
    bool group;

    if (stat(path, &st) < 0)
        return refuse_errno(path, "look at it", -errno);
    if (st.st_uid != owner.uid && (st.st_uid != 0 || geteuid() != 0))
        return refuse(EXIT_NEVER, path,
                      "belongs to uid %u, not to uid %u as everything of "
                      "this kind here; run as its owner, or if the instance "
                      "was moved here: chown -R %u:%u it", st.st_uid,
                      owner.uid, owner.uid, owner.gid);
    group = owner.uid != geteuid() && st.st_gid != owner.gid;
    if (st.st_uid == owner.uid && !group && (st.st_mode & 07777) == mode)
        return 0;
    in->changes++;
    printf("mended %s: mode %04o uid %u gid %u, was %04o %u %u\n", path, mode,
           owner.uid, owner.gid, st.st_mode & 07777u, st.st_uid, st.st_gid);
    return set_owner(path, owner, mode);
}

/* Closed to all until it has its owner. */
static int
make_node(const char *path, mode_t type)
{
    char *parent, *slash;
    int fd, r = 0;

    if (type == S_IFDIR)
        return file_makedir(AT_FDCWD, path, 0700);
    if (type == S_IFIFO)
        r = mkfifo(path, 0600);
    else if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                        0600)) < 0)
        r = -1;
    else
        close(fd);
    if (r < 0)
        return -errno;
    parent = mem_string(path);
    if ((slash = strrchr(parent, '/')))
        *slash = 0;
    r = file_syncdir(AT_FDCWD, parent);
    free(parent);
    return r;
}

static int
make_part(struct init *in, const struct instance_part *p)
{
    struct jail_user owner = instance_owner(in->instance, p->spool);
    mode_t mode = in->instance->split ? p->mode : p->single_mode;
    char *path = instance_path(in->instance, p);
    struct stat st;
    int code, r;

    /* The three folders may be links to another disk, their parts not. */
    r = *p->name ? lstat(path, &st) : stat(path, &st);
    if (r < 0 && errno != ENOENT) {
        code = refuse_errno(path, "look at it", -errno);
    } else if (r < 0) {
        if ((r = make_node(path, p->type)) < 0) {
            code = refuse_errno(path, "make it", r);
        } else {
            changed(in, "made", path);
            code = set_owner(path, owner, mode);
        }
    } else if ((st.st_mode & S_IFMT) != p->type) {
        code = refuse(EXIT_NEVER, path, "is not a %s; move it away and run "
                      "this again", p->type == S_IFDIR ? "folder"
                                    : p->type == S_IFIFO ? "FIFO" : "file");
    } else {
        code = mend(in, path, owner, mode);
    }
    free(path);
    return code;
}

static int
make_me(struct init *in, const char *me)
{
    struct buf path = {0}, line = {0};
    char *old = NULL, *name = NULL;
    int code = 0, r;

    buf_print(&path, "%s/" INSTANCE_ME, in->instance->paths.control);
    if ((r = conf_value(AT_FDCWD, path.data, &old)) < 0) {
        code = refuse_errno(path.data, "read it", r);
    } else if (old && (!*old || (me && strcmp(old, me) != 0))) {
        code = refuse(EXIT_NEVER, path.data, "holds \"%s\"; write the name "
                      "you want into this file", old);
    } else if (!old) {
        name = me ? mem_string(me) : hostname_full();
        buf_print(&line, "%s\n", name);
        r = file_replace(AT_FDCWD, path.data, buf_view(&line), 0644);
        if (r < 0)
            code = refuse_errno(path.data, "write it", r);
        else
            changed(in, "made", path.data);
    }
    free(name);
    free(old);
    buf_free(&line);
    buf_free(&path);
    return code;
}

static int
make_key(struct init *in, const char *name, bool made, bool spool,
         mode_t mode)
{
    struct jail_user owner = instance_owner(in->instance, spool);
    struct buf path = {0};
    int code;

    buf_print(&path, "%s/%s", in->instance->paths.control, name);
    if (made)
        changed(in, "made", path.data);
    code = made ? set_owner(path.data, owner, mode)
                : mend(in, path.data, owner, mode);
    buf_free(&path);
    return code;
}

static int
make_keys(struct init *in)
{
    const char *control = in->instance->paths.control, *why;
    unsigned made;
    int code, r;

    if ((r = ledgerkey_make(control, &made, &why)) < 0)
        return r == -EBADMSG ? refuse(EXIT_NEVER, control, "%s", why)
                             : refuse_errno(control, "make the ledger's keys",
                                            r);
    code = make_key(in, INSTANCE_KEY, made & LEDGERKEY_MADE_SECRET, true,
                    0400);
    if (code == 0)
        code = make_key(in, INSTANCE_PUBKEY, made & LEDGERKEY_MADE_PUBLIC,
                        false, 0444);
    return code;
}

/* Owners and modes too, and those of the FIFO, which no fsync reaches. */
static int
sync_all(const struct instance *i)
{
    int code = 0;

    for (int p = PLACE_CONTROL; code == 0 && p <= PLACE_RUN; p++) {
        const char *path = instance_folder(i, p);
        int fd, r = file_opendir(&fd, AT_FDCWD, path);

        if (r == 0 && syncfs(fd) < 0)
            r = -errno;
        file_close(&fd);
        if (r < 0)
            code = refuse_errno(path, "bring it to disk", r);
    }
    return code;
}

static int
make_users(struct init *in, struct instance *i)
{
    struct buf made = {0};
    const char *missing = "";
    int code = 0, r;

    if ((r = users_make(&made)) < 0)
        code = refuse(EXIT_LATER, "users", "cannot make them with useradd: "
                      "%s; make godwitq (also in group godwits), godwits, "
                      "godwitd and godwitr, each with a group of its name",
                      strerror(-r));
    else if ((r = instance_findusers(i, &missing)) < 0)
        code = refuse(EXIT_LATER, missing, "cannot look this user up: %s",
                      strerror(-r));
    if (made.len) {
        in->changes++;
        fputs(made.data, stdout);
    }
    buf_free(&made);
    return code;
}

static int
look_for_closed(const struct instance *i)
{
    int code = 0;

    for (int p = PLACE_CONTROL; code == 0 && p <= PLACE_RUN; p++) {
        char *closed = instance_closed(instance_folder(i, p));

        if (closed)
            code = refuse(EXIT_NEVER, closed, "is closed to the programs' "
                          "users (godwits and others), who could not reach "
                          "the instance in it; choose another place, or "
                          "chmod o+x it");
        free(closed);
    }
    return code;
}

int
init_instance(struct instance *i, const char *me)
{
    struct init in = {.instance = i};
    int code = 0;

    umask(022);
    if (i->split)
        code = make_users(&in, i);
    for (int p = PLACE_CONTROL; code == 0 && p <= PLACE_RUN; p++)
        code = make_parents(&in, instance_folder(i, p));
    if (code == 0 && i->split)
        code = look_for_closed(i);
    for (size_t n = 0; code == 0 && n < instance_part_count; n++)
        code = make_part(&in, &instance_parts[n]);
    if (code == 0)
        code = make_me(&in, me);
    if (code == 0)
        code = make_keys(&in);
    if (code == 0)
        code = sync_all(i);
    if (code == 0 && in.changes == 0)
        printf("nothing to change\n");
    return code;
}
