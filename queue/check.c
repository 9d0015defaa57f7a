#include "queue/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bind.h"
#include "base/file.h"
#include "base/rewrite.h"
#include "base/route.h"
#include "queue/access.h"
#include "queue/names.h"
#include "queue/rate.h"
#include "queue/settings.h"
#include "queue/users.h"

static const char *const place_names[] = {
    [PLACE_CONTROL] = "control",
    [PLACE_QUEUE] = "queue",
    [PLACE_RUN] = "run",
};

/* One line about path ("control/" and name, say). */
__attribute__((format(printf, 4, 5))) static void
find(struct check *c, unsigned *count, const char *path, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_print(&c->report, "%s: %s%s\n", path,
              count == &c->warnings ? "warning: " : "", text);
    ++*count;
}

/* What an errno hides is not known to be right, nor to be wrong. */
static void
cannot(struct check *c, const char *path, int r)
{
    find(c, &c->problems, path, "cannot be looked at: %s", strerror(-r));
    c->blind = true;
}

/* Adds lines that others wrote, each a problem. */
static void
add_problems(struct check *c, const struct buf *lines)
{
    struct view all = buf_view(lines), line;

    buf_addview(&c->report, all);
    while (view_line(&all, &line))
        c->problems++;
}

static void
check_settings(struct check *c, int control)
{
    struct settings s;
    struct routes routes = {0};
    struct binds binds = {0};
    struct access access = {0};
    struct buf why = {0};
    int r = settings_read(&s, control, &why);

    if (r < 0 && r != -EINVAL)
        c->blind = true;
    route_load(&routes, &s.locals, &s.smtproutes, s.me, &why);
    rate_check(&s.siterate, &why);
    bind_load(&binds, &s.bindroutes, &why);
    access_load(&access, &s.submitsenders, &s.submitlimit, users_find, &why);
    add_problems(c, &why);
    buf_free(&why);
    access_free(&access);
    route_free(&routes);
    bind_free(&binds);
    settings_free(&s);
}

static void
check_rewrite(struct check *c, int control)
{
    static const char *const files[] = {"canonical", "masquerade"};
    struct conf_list lists[2];
    struct rewrite rewrite = {0};
    struct buf why = {0};

    for (size_t i = 0; i < 2; i++) {
        int r = conf_list(control, files[i], &lists[i]);

        if (r == 0 || r == -ENOENT)
            continue;
        buf_print(&why, "control/%s: cannot be read: %s\n", files[i],
                  strerror(-r));
        c->blind = true;
    }
    rewrite_load(&rewrite, &lists[0], &lists[1], &why);
    add_problems(c, &why);
    rewrite_free(&rewrite);
    conf_listfree(&lists[0]);
    conf_listfree(&lists[1]);
    buf_free(&why);
}

/* A file whose name nobody knows: a slip of the pen if what was meant is not
 * there as well. */
static void
check_unknown(struct check *c, int control, const char *path,
              const char *name)
{
    const char *copied = name_copied(name), *guess = name_guess(name);

    if (copied)
        find(c, &c->warnings, path, "not used; a copy of %s?", copied);
    else if (guess && faccessat(control, guess, F_OK, 0) < 0)
        find(c, &c->problems, path, "no setting has this name; did you mean "
             "%s?", guess);
    else
        find(c, &c->warnings, path, "no setting has this name; not used");
}

static void
check_number(struct check *c, int control, const char *path,
             const char *name, uint64_t max)
{
    uint64_t n;
    int r = conf_number(control, name, 0, max, &n);

    if (r == -EINVAL)
        find(c, &c->problems, path, "the first line is no number of at most "
             "%ju", (uintmax_t)max);
    else if (r < 0)
        cannot(c, path, r);
}

/* Who can write a setting can send mail where he likes. */
static void
check_rights(struct check *c, int control, const char *path, const char *name,
             const struct stat *folder)
{
    struct stat st;

    if (fstatat(control, name, &st, 0) < 0) {
        if (errno == ENOENT)
            find(c, &c->problems, path, "a link to nothing; the default "
                 "would be taken: remove or mend it");
        else
            cannot(c, path, -errno);
        return;
    }
    if (!S_ISREG(st.st_mode))
        find(c, &c->problems, path, "not a file; move it away");
    else if (st.st_uid != 0 && st.st_uid != folder->st_uid &&
             strcmp(name, INSTANCE_KEY) != 0)
        find(c, &c->problems, path, "belongs to uid %u, not to uid %u as the "
             "folder; chown it", st.st_uid, folder->st_uid);
    else if (st.st_mode & 022)
        find(c, &c->problems, path, "mode %04o lets others write it; "
             "chmod go-w it", st.st_mode & 07777u);
    else if (strcmp(name, INSTANCE_KEY) == 0 && (st.st_mode & 077))
        find(c, &c->problems, path, "mode %04o lets others read the secret "
             "key; mend it with: godwit init", st.st_mode & 07777u);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int
visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* A secret belongs to the user of the program that reads it. */
static void
check_secret(struct check *c, int folder, const char *path, const char *name)
{
    struct stat st;

    if (fstatat(folder, name, &st, 0) < 0)
        cannot(c, path, -errno);
    else if (!S_ISREG(st.st_mode))
        find(c, &c->problems, path, "not a file; move it away");
    else if (st.st_mode & 077)
        find(c, &c->problems, path, "mode %04o lets others than its owner "
             "read the secret; chmod 0400 it", st.st_mode & 07777u);
}

static void
check_secrets(struct check *c, int control, const char *path, const char *name)
{
    struct dirent **names;
    int folder, count;
    int r = file_opendir(&folder, control, name);

    count = r < 0 ? r : scandirat(folder, ".", &names, visible, by_name);
    if (count < 0)
        cannot(c, path, r < 0 ? r : -errno);
    for (int i = 0; i < count; i++) {
        struct buf file = {0};

        buf_print(&file, "%s/%s", path, names[i]->d_name);
        check_secret(c, folder, file.data, names[i]->d_name);
        buf_free(&file);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    if (r == 0)
        file_close(&folder);
}

static void
check_file(struct check *c, int control, const char *name,
           const struct stat *folder)
{
    struct buf path = {0};
    uint64_t max = 0;
    enum name_use use = name_use(name, &max);

    buf_print(&path, "control/%s", name);
    if (use == NAME_UNKNOWN)
        check_unknown(c, control, path.data, name);
    else if (use == NAME_SECRET)
        check_secret(c, control, path.data, name);
    else if (use == NAME_SECRETS)
        check_secrets(c, control, path.data, name);
    else if (use == NAME_UNUSED)
        find(c, &c->warnings, path.data, "not used by this version");
    else
        check_rights(c, control, path.data, name, folder);
    if (use == NAME_NUMBER)
        check_number(c, control, path.data, name, max);
    buf_free(&path);
}

static void
check_control(struct check *c, const char *controlpath)
{
    struct dirent **names;
    struct stat folder;
    int control, count;
    int r = file_opendir(&control, AT_FDCWD, controlpath);

    if (r == 0 && fstat(control, &folder) < 0)
        r = -errno;
    count = r < 0 ? r : scandirat(control, ".", &names, visible, by_name);
    if (count < 0) {
        /* check_parts reports a folder that is not there. */
        if (r != -ENOENT)
            cannot(c, "control", r < 0 ? r : -errno);
        file_close(&control);
        return;
    }
    check_settings(c, control);
    check_rewrite(c, control);
    for (int i = 0; i < count; i++) {
        check_file(c, control, names[i]->d_name, &folder);
        free(names[i]);
    }
    free(names);
    if (faccessat(control, INSTANCE_KEY, F_OK, 0) < 0)
        find(c, &c->problems, "control/" INSTANCE_KEY, "missing; make it "
             "with: godwit init");
    file_close(&control);
}

static const char *
type_word(mode_t mode)
{
    return S_ISDIR(mode)    ? "folder"
           : S_ISREG(mode)  ? "file"
           : S_ISFIFO(mode) ? "FIFO"
           : S_ISLNK(mode)  ? "link"
                            : "device or socket";
}

/* The modes are those that init makes, but that a private instance's outer
 * folders may be closed. */
static void
check_mode(struct check *c, const char *name, const struct instance *i,
           const struct instance_part *part, const struct stat *st)
{
    mode_t want = i->split ? part->mode : part->single_mode;
    mode_t mode = st->st_mode & 07777;

    if (!*part->name && !i->split && !(mode & 022))
        return;
    if (mode != want)
        find(c, &c->problems, name, "mode %04o, should be %04o; mend it "
             "with: godwit init", mode, want);
}

static void
check_owner(struct check *c, const char *name, const struct instance *i,
            const struct instance_part *part, const struct stat *st,
            uid_t owner)
{
    const struct jail_user *spool = &i->users[USER_SPOOL];

    if (i->split && part->spool)
        owner = spool->uid;
    if (st->st_uid != owner)
        find(c, &c->problems, name, "belongs to uid %u, should to uid %u; "
             "mend it with: %s", st->st_uid, owner,
             i->split && st->st_uid == 0 ? "godwit init" : "chown");
    else if (i->split && part->spool && st->st_gid != spool->gid)
        find(c, &c->problems, name, "belongs to group %u, should to group "
             "%u; mend it with: godwit init", st->st_gid, spool->gid);
}

static void
check_part(struct check *c, const struct instance *i,
           const struct instance_part *part, bool users, uid_t owner)
{
    char *path = instance_path(i, part);
    struct buf name = {0};
    struct stat st;
    int r = *part->name ? lstat(path, &st) : stat(path, &st);

    buf_print(&name, "%s%s%s", place_names[part->place],
              *part->name ? "/" : "", part->name);
    if (r < 0 && errno == ENOENT) {
        if (part->place != PLACE_RUN)
            find(c, &c->problems, name.data, "missing (%s); make it with: "
                 "godwit init", path);
    } else if (r < 0) {
        cannot(c, name.data, -errno);
    } else if ((st.st_mode & S_IFMT) != part->type) {
        find(c, &c->problems, name.data, "is a %s, should be a %s; move it "
             "away, then: godwit init", type_word(st.st_mode),
             type_word(part->type));
    } else {
        check_mode(c, name.data, i, part, &st);
        if (users)
            check_owner(c, name.data, i, part, &st, owner);
    }
    buf_free(&name);
    free(path);
}

void
check_instance(struct check *c, struct instance *i)
{
    const char *missing = "";
    struct stat st;
    char *closed = NULL;
    int r = 0;

    /* The folder of a split instance is root's; any other is its owner's,
     * whoever looks. */
    if (stat(i->paths.queue, &st) < 0)
        st.st_uid = geteuid();
    i->split = st.st_uid == 0;
    check_control(c, i->paths.control);
    if ((r = instance_findusers(i, &missing)) == -ENOENT)
        find(c, &c->problems, missing, "no such user; make the users with: "
             "godwit init");
    else if (r < 0)
        cannot(c, missing, r);
    for (size_t n = 0; n < instance_part_count; n++)
        check_part(c, i, &instance_parts[n], r == 0, st.st_uid);
    if (i->split && (closed = instance_closed(i->paths.queue)))
        find(c, &c->problems, closed, "closed to the programs' users, who "
             "have to reach the spool in it; chmod o+x it");
    free(closed);
}

void
check_free(struct check *c)
{
    buf_free(&c->report);
    memset(c, 0, sizeof *c);
}
