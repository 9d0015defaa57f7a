/* godwit queue --check and --repair: what a file-system check left behind */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "queue/commands.h"
#include "queue/folders.h"
#include "queue/look.h"
#include "queue/putright.h"
#include "queue/tally.h"

enum { LOOKS = 4 }; /* at a thing, while an instance works */

/* A name about which there is something to say. */
struct item {
    enum spot spot;
    char *name;             /* owned */
    struct finding finding;
    uint64_t id;
    bool reports;           /* judged when the messages are where they go */
};

struct repair {
    struct look look;
    struct instance instance;
    struct inspect inspect;
    struct tally tally;
    bool mend, running;
    char **files;
    struct item *items;     /* owned */
    size_t count, room;
};

static void
say(struct repair *r, const char *name, struct finding finding, int error)
{
    tally_add(&r->tally, &(struct remark){"queue", name, finding, "", error});
}

static void
say_item(struct repair *r, const struct item *i, int error)
{
    struct buf to = {0};

    buf_addstr(&to, "");
    putright_target(&to, i->spot, i->name, i->finding.act, i->id);
    tally_add(&r->tally, &(struct remark){spot_name(i->spot), i->name,
                                          i->finding, to.data, error});
    buf_free(&to);
}

static void
on_folder(void *data, const char *name, const char *what, enum act act,
          int error)
{
    say(data, name, (struct finding){act, what}, error);
}

static bool
judge(const struct repair *r, struct item *i)
{
    struct seen s;

    if (!inspect_name(&r->inspect, i->spot, i->name, &s, &i->id))
        return false;
    i->reports = i->spot == SPOT_BOUNCE || s.bytes == BYTES_REPORTS;
    /* They are looked at by themselves, before and after the rest. */
    if (r->mend)
        s.rights = true;
    i->finding = finding_of(&s);
    return i->finding.act != ACT_NONE;
}

static void
look_at(struct repair *r, enum spot spot, const char *name)
{
    struct item i = {.spot = spot, .name = (char *)name};

    if (!judge(r, &i))
        return;
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 64;
        r->items = mem_grow(r->items, r->room * sizeof *r->items);
    }
    i.name = mem_string(name);
    r->items[r->count++] = i;
}

static int
each_name(struct repair *r, enum spot spot,
          void (*each)(struct repair *r, enum spot spot, const char *name))
{
    int fd = openat(r->inspect.dirs[spot], ".",
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    int e;

    if (!dir) {
        e = -errno;
        file_close(&fd);
        return e;
    }
    for (errno = 0; (d = readdir(dir)) != NULL; errno = 0)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            each(r, spot, d->d_name);
    e = -errno;
    closedir(dir);
    return e;
}

static void
scan(struct repair *r, void (*each)(struct repair *r, enum spot spot,
                                    const char *name))
{
    for (int s = 0; s <= SPOT_LOST; s++) {
        int e;

        if (r->inspect.dirs[s] < 0)
            continue;
        if ((e = each_name(r, (enum spot)s, each)) < 0)
            say(r, spot_name((enum spot)s),
                (struct finding){ACT_CANNOT, strerror(-e)}, 0);
    }
}

/* Each look reads anew: an instance writes on meanwhile. */
static bool
ask_ledger(struct repair *r, bool last)
{
    struct fates ids = {0};
    bool whole;
    int e;

    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].id)
            fates_add(&ids, r->items[i].id);
    e = inspect_ledger(&r->inspect, &ids, &whole);
    if (last && e < 0)
        say(r, "ledger", (struct finding){ACT_CANNOT, strerror(-e)}, 0);
    else if (last && !whole)
        say(r, "ledger", (struct finding){ACT_LEAVE, "does not verify to its "
            "end; godwit audit tells where"}, 0);
    return e == 0 && whole;
}

/* Looks again at what was found. */
static void
refresh(struct repair *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i++) {
        if (judge(r, &r->items[i]))
            r->items[kept++] = r->items[i];
        else
            free(r->items[i].name);
    }
    r->count = kept;
}

static bool
any_to_do(const struct repair *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].finding.act > ACT_NOTE)
            return true;
    return false;
}

static void
tell(struct repair *r, bool reports)
{
    for (size_t i = 0; i < r->count; i++) {
        struct item *one = &r->items[i];

        if (one->reports != reports || !judge(r, one))
            continue;
        if (one->finding.act == ACT_TODO || one->finding.act == ACT_INFO)
            idset_add(&r->inspect.coming, one->id);
        say_item(r, one, 0);
    }
}

/* What one thing did may change what is to be said of the next: each is
 * looked at again just before. */
static void
put_all(struct repair *r, bool reports)
{
    for (size_t i = 0; i < r->count; i++) {
        struct item *one = &r->items[i];
        int e = 0;

        if (one->reports != reports || !judge(r, one))
            continue;
        if (one->finding.act > ACT_RIGHTS)
            e = putright(&r->inspect, one->spot, one->name, one->finding.act,
                         one->id);
        say_item(r, one, e);
    }
}

/* Foreign names are left alone in this too. */
static void
mend_rights(struct repair *r, enum spot spot, const char *name)
{
    struct item i = {.spot = spot, .name = (char *)name};
    enum name_form form = finding_form(name, &i.id);
    struct seen s;
    int e;

    if (spot == SPOT_LEDGER ? !finding_ledgername(name)
                            : form != FORM_ID && form != FORM_ASIDE)
        return;
    if (!inspect_rights(&r->inspect, spot, name, &s) || s.error ||
        !s.regular || s.rights || s.links)
        return;
    e = putright(&r->inspect, spot, name, ACT_RIGHTS, 0);
    i.finding = (struct finding){ACT_RIGHTS, "wrong owner or mode"};
    say_item(r, &i, e);
}

static void
work(struct repair *r)
{
    bool whole;

    if (r->mend)
        scan(r, mend_rights);
    scan(r, look_at);
    for (char **file = r->files; *file; file++)
        look_at(r, SPOT_FILE, *file);
    whole = ask_ledger(r, !r->running);
    for (int look = 1; r->running && look < LOOKS; look++) {
        refresh(r);
        if (look > 1 && !any_to_do(r) && whole)
            break;
        nanosleep(&(struct timespec){.tv_sec = any_to_do(r)}, NULL);
        whole = ask_ledger(r, look == LOOKS - 1);
    }
    for (int reports = 0; reports < 2; reports++) {
        if (r->mend)
            put_all(r, reports);
        else
            tell(r, reports);
    }
    if (r->mend)
        scan(r, mend_rights);
}

static int
refuse(const struct repair *r, const char *what, const char *why)
{
    fprintf(stderr, "godwit queue: %s%s%s: %s\n", r->instance.paths.queue,
            *what ? "/" : "", what, why);
    return EXIT_LATER;
}

/* The lock of start and its programs: held to the end by who mends. */
static int
take_lock(struct repair *r, int *fd)
{
    struct buf path = {0};
    int e = 0;

    buf_print(&path, "%s/lock", r->instance.paths.queue);
    *fd = open(path.data, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 || flock(*fd, (r->mend ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0)
        e = errno;
    buf_free(&path);
    if (r->mend && e == EWOULDBLOCK)
        return refuse(r, "", "an instance runs on this spool; stop godwit "
                      "first");
    if (r->mend && e)
        return refuse(r, "lock", e == ENOENT ? "missing; godwit init makes it"
                                             : strerror(e));
    r->running = e != 0;
    if (!r->mend)
        file_close(fd);
    return 0;
}

static int
open_instance(struct repair *r, struct stat *queue)
{
    const char *missing = "";
    int e;

    instance_open(&r->instance);
    if (stat(r->instance.paths.queue, queue) < 0)
        return refuse(r, "", errno == ENOENT
                                 ? "no instance there; godwit init makes one"
                                 : strerror(errno));
    r->instance.split = queue->st_uid == 0;
    if ((e = instance_findusers(&r->instance, &missing)) < 0) {
        fprintf(stderr, "godwit queue: user %s: %s\n", missing,
                strerror(-e));
        return EXIT_LATER;
    }
    if (r->mend && !r->instance.split && queue->st_uid != geteuid())
        return refuse(r, "", "belongs to another user; run it as that user");
    return 0;
}

static int
run(struct repair *r)
{
    struct stat queue;
    int lock = -1, lost = -1, code;

    if ((code = open_instance(r, &queue)) || (code = take_lock(r, &lock)))
        return code;
    folders_look(&r->instance, queue.st_uid, r->mend, on_folder, r);
    code = look_open(&r->look, "queue");
    if (code == 0) {
        lost = openat(r->look.store.queue, "lost+found",
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (lost < 0 && errno != ENOENT)
            say(r, "lost+found",
                (struct finding){ACT_CANNOT, strerror(errno)}, 0);
        inspect_open(&r->inspect, &r->look.store, &r->instance, queue.st_uid,
                     lost);
        work(r);
        inspect_close(&r->inspect);
        tally_sum(&r->tally);
        code = look_end(&r->look, tally_code(&r->tally));
    }
    look_close(&r->look);
    file_close(&lost);
    file_close(&lock);
    return code;
}

int
repair_main(int argc, char **argv)
{
    struct repair r = {0};
    int code, n = 1;

    for (; n < argc && strncmp(argv[n], "--", 2) == 0; n++) {
        if (strcmp(argv[n], "--") == 0) {
            n++;
            break;
        }
        if (strcmp(argv[n], "--repair") == 0) {
            r.mend = true;
        } else if (strcmp(argv[n], "--json") == 0) {
            r.tally.json = true;
        } else if (strcmp(argv[n], "--check") != 0) {
            fprintf(stderr, "godwit queue: \"%s\" does not go with --check "
                    "or --repair\n", argv[n]);
            return EXIT_USAGE;
        }
    }
    r.tally.mend = r.mend;
    r.files = argv + n;
    code = run(&r);
    for (size_t i = 0; i < r.count; i++)
        free(r.items[i].name);
    free(r.items);
    tally_free(&r.tally);
    instance_free(&r.instance);
    return code;
}
