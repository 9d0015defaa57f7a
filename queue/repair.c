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
#include "queue/json.h"
#include "queue/look.h"
#include "queue/putright.h"

enum {
    EXIT_FOUND = 1,
    LOOKS = 4, /* at a thing, while an instance works */
};

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
    bool mend, json, running;
    char **files;
    struct item *items;     /* owned */
    size_t count, room;
    struct buf list;        /* of json */
    uint64_t found, left, unread, notes, moved;
};

/* Names are whatever somebody or a file-system check made of them. */
static void
put_plain(const char *s)
{
    for (; *s; s++)
        putchar((unsigned char)*s < 32 || *s == 127 ? '?' : *s);
}

static const char *
words(const struct repair *r, enum act act)
{
    switch (act) {
    case ACT_NOTE:
        return "left alone";
    case ACT_LEAVE:
        return "left alone, to be looked at";
    case ACT_CANNOT:
        return "not now; left alone";
    case ACT_RIGHTS:
        return r->mend ? "set right" : "--repair sets them right";
    case ACT_DROP:
        return r->mend ? "this name is gone" : "--repair drops this name";
    default:
        return r->mend ? "moved to" : "--repair moves it to";
    }
}

static void
put_json(struct repair *r, const char *place, const char *name,
         const char *what, enum act act, const char *to, bool done)
{
    json_item(&r->list);
    buf_addbyte(&r->list, '{');
    json_addtext(&r->list, "place", view_of(place));
    json_addtext(&r->list, "name", view_of(name));
    json_addtext(&r->list, "what", view_of(what));
    json_addtext(&r->list, "act", view_of(finding_act(act)));
    if (*to)
        json_addtext(&r->list, "to", view_of(to));
    json_addbool(&r->list, "done", done);
    buf_addbyte(&r->list, '}');
}

/* One line; done: 0, or the errno for which it could not be. */
static void
say(struct repair *r, const char *place, const char *name, const char *what,
    enum act act, const char *to, int done)
{
    r->notes += act == ACT_NOTE;
    r->left += act == ACT_LEAVE;
    r->found += act >= ACT_RIGHTS && done == 0;
    r->unread += act == ACT_CANNOT || done < 0;
    if (r->json) {
        put_json(r, place, name, what, act, to,
                 r->mend && act >= ACT_RIGHTS && done == 0);
        return;
    }
    printf("%s%s", place, *place && *name ? "/" : "");
    put_plain(name);
    printf(": %s; ", what);
    if (done < 0)
        printf("not put right, all is kept: %s\n", strerror(-done));
    else
        printf("%s%s%s\n", words(r, act), *to ? " " : "", to);
}

static void
say_item(struct repair *r, const struct item *i, int done)
{
    struct buf to = {0};

    buf_addstr(&to, "");
    putright_target(&to, i->spot, i->name, i->finding.act, i->id);
    say(r, spot_name(i->spot), i->name, i->finding.what, i->finding.act,
        to.data ? to.data : "", done);
    buf_free(&to);
}

static void
on_folder(void *data, const char *name, const char *what, enum act act,
          int done)
{
    say(data, "queue", name, what, act, "", done);
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
            say(r, "queue", spot_name((enum spot)s), strerror(-e), ACT_CANNOT,
                "", 0);
    }
}

/* Whether the ledger verifies up to what was signed: else what it says is
 * not all. */
static int
read_ledger(struct repair *r, bool *whole, uint64_t *position)
{
    struct fates *f = &r->inspect.fates;
    struct ledger_reader reader;
    struct ledger_head head;
    struct ledger_line l;
    int dir = r->look.store.ledger, e, h = head_read(dir, &head);

    *whole = h == 0 || h == -ENOENT;
    *position = 0;
    if (h < 0 && h != -ENOENT && h != -EBADMSG)
        return h;
    e = ledger_readopen(&reader, dir, 0, NULL);
    if (e == -ENOENT) {
        *whole = h == -ENOENT;
        return 0;
    }
    while (e == 0 && (e = ledger_next(&reader, &l)) > 0) {
        fates_line(f, &l);
        e = 0;
    }
    *position = reader.position;
    if (e == -EBADMSG || (h == 0 && reader.position < head.position))
        *whole = false;
    ledger_readclose(&reader);
    return e == -EBADMSG ? 0 : e;
}

/* Each look reads anew: an instance writes on meanwhile. */
static bool
ask_ledger(struct repair *r, bool last)
{
    struct fates fresh = {0};
    uint64_t position;
    bool whole;
    int e;

    for (size_t i = 0; i < r->count; i++)
        if (r->items[i].id)
            fates_add(&fresh, r->items[i].id);
    fates_free(&r->inspect.fates);
    r->inspect.fates = fresh;
    e = read_ledger(r, &whole, &position);
    r->inspect.fates.unsure = e < 0 || !whole;
    if (last && e < 0)
        say(r, "queue", "ledger", strerror(-e), ACT_CANNOT, "", 0);
    else if (last && !whole)
        say(r, "queue", "ledger", "does not verify to its end; godwit audit "
            "tells where", ACT_LEAVE, "", 0);
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
        r->moved += one->finding.act > ACT_RIGHTS && e == 0;
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
verdict(const struct repair *r)
{
    if (r->unread)
        return EXIT_LATER;
    return r->left || (r->found && !r->mend) ? EXIT_FOUND : EXIT_OK;
}

static void
sum_up(const struct repair *r)
{
    struct buf b = {0};

    if (!r->json) {
        printf("%ju %s, %ju to be looked at, %ju could not be done now, %ju "
               "others left alone\n", (uintmax_t)r->found,
               r->mend ? "found and put right" : "to be put right",
               (uintmax_t)r->left, (uintmax_t)r->unread, (uintmax_t)r->notes);
        if (r->moved)
            puts("run godwit audit, then godwit start");
        return;
    }
    json_addnumber(&b, "found", r->found);
    json_addnumber(&b, "left", r->left);
    json_addnumber(&b, "unread", r->unread);
    json_addnumber(&b, "notes", r->notes);
    printf("{\"findings\":[%s],%s}\n", r->list.data ? r->list.data : "",
           b.data);
    buf_free(&b);
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
            say(r, "queue", "lost+found", strerror(errno), ACT_CANNOT, "", 0);
        inspect_open(&r->inspect, &r->look.store, &r->instance, queue.st_uid,
                     lost);
        work(r);
        inspect_close(&r->inspect);
        sum_up(r);
        code = look_end(&r->look, verdict(r));
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
            r.json = true;
        } else if (strcmp(argv[n], "--check") != 0) {
            fprintf(stderr, "godwit queue: \"%s\" does not go with --check "
                    "or --repair\n", argv[n]);
            return EXIT_USAGE;
        }
    }
    r.files = argv + n;
    code = run(&r);
    for (size_t i = 0; i < r.count; i++)
        free(r.items[i].name);
    free(r.items);
    buf_free(&r.list);
    instance_free(&r.instance);
    return code;
}
