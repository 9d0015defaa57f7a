#include "queue/survey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "queue/putright.h"

enum { LOOKS = 4 }; /* at a thing, while an instance works */

/* A name about which there is something to say. */
struct survey_item {
    enum spot spot;
    char *name;             /* owned */
    struct finding finding;
    uint64_t id;
    bool reports;           /* judged when the messages are where they go */
};

static void
say_item(struct survey *s, const struct survey_item *i, int error)
{
    struct buf to = {0};

    buf_addstr(&to, "");
    putright_target(&to, i->spot, i->name, i->finding.act, i->id);
    tally_add(&s->tally, &(struct remark){spot_name(i->spot), i->name,
                                          i->finding, to.data, error});
    buf_free(&to);
}

static bool
judge(const struct survey *s, struct survey_item *i)
{
    struct seen seen;

    if (!inspect_name(&s->inspect, i->spot, i->name, &seen, &i->id))
        return false;
    i->reports = i->spot == SPOT_BOUNCE || seen.bytes == BYTES_REPORTS;
    /* They are looked at by themselves, before and after the rest. */
    if (s->tally.mend)
        seen.rights = true;
    i->finding = finding_of(&seen);
    return i->finding.act != ACT_NONE;
}

static void
look_at(struct survey *s, enum spot spot, const char *name)
{
    struct survey_item i = {.spot = spot, .name = (char *)name};

    if (!judge(s, &i))
        return;
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 64;
        s->items = mem_grow(s->items, s->room * sizeof *s->items);
    }
    i.name = mem_string(name);
    s->items[s->count++] = i;
}

static int
each_name(struct survey *s, enum spot spot,
          void (*each)(struct survey *s, enum spot spot, const char *name))
{
    int fd = openat(s->inspect.dirs[spot], ".",
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
            each(s, spot, d->d_name);
    e = -errno;
    closedir(dir);
    return e;
}

static void
scan(struct survey *s, void (*each)(struct survey *s, enum spot spot,
                                    const char *name))
{
    for (int spot = 0; spot <= SPOT_LOST; spot++) {
        int e;

        if (s->inspect.dirs[spot] < 0)
            continue;
        if ((e = each_name(s, (enum spot)spot, each)) < 0)
            tally_part(&s->tally, spot_name((enum spot)spot),
                       (struct finding){ACT_CANNOT, strerror(-e)}, 0);
    }
}

/* Each look reads anew: an instance writes on meanwhile. */
static bool
ask_ledger(struct survey *s, bool last)
{
    struct fates ids = {0};
    bool whole;
    int e;

    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].id)
            fates_add(&ids, s->items[i].id);
    e = inspect_ledger(&s->inspect, &ids, &whole);
    if (last && e < 0)
        tally_part(&s->tally, "ledger",
                   (struct finding){ACT_CANNOT, strerror(-e)}, 0);
    else if (last && !whole)
        tally_part(&s->tally, "ledger",
                   (struct finding){ACT_LEAVE, "does not verify to its end; "
                                    "godwit audit tells where"}, 0);
    return e == 0 && whole;
}

/* Looks again at what was found. */
static void
refresh(struct survey *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->count; i++) {
        if (judge(s, &s->items[i]))
            s->items[kept++] = s->items[i];
        else
            free(s->items[i].name);
    }
    s->count = kept;
}

static bool
any_to_do(const struct survey *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].finding.act > ACT_NOTE)
            return true;
    return false;
}

static void
tell(struct survey *s, bool reports)
{
    for (size_t i = 0; i < s->count; i++) {
        struct survey_item *one = &s->items[i];

        if (one->reports != reports || !judge(s, one))
            continue;
        if (one->finding.act == ACT_TODO || one->finding.act == ACT_INFO)
            idset_add(&s->inspect.coming, one->id);
        say_item(s, one, 0);
    }
}

/* What one thing did may change what is to be said of the next: each is
 * looked at again just before. */
static void
put_all(struct survey *s, bool reports)
{
    for (size_t i = 0; i < s->count; i++) {
        struct survey_item *one = &s->items[i];
        int e = 0;

        if (one->reports != reports || !judge(s, one))
            continue;
        if (one->finding.act > ACT_RIGHTS)
            e = putright(&s->inspect, one->spot, one->name, one->finding.act,
                         one->id);
        say_item(s, one, e);
    }
}

/* Foreign names are left alone in this too. */
static void
mend_rights(struct survey *s, enum spot spot, const char *name)
{
    struct survey_item i = {.spot = spot, .name = (char *)name};
    enum name_form form = finding_form(name, &i.id);
    struct seen seen;
    int e;

    if (spot == SPOT_LEDGER ? !finding_ledgername(name)
                            : form != FORM_ID && form != FORM_ASIDE)
        return;
    if (!inspect_rights(&s->inspect, spot, name, &seen) ||
        seen.error || !seen.regular || seen.rights || seen.links)
        return;
    e = putright(&s->inspect, spot, name, ACT_RIGHTS, 0);
    i.finding = (struct finding){ACT_RIGHTS, "wrong owner or mode"};
    say_item(s, &i, e);
}

void
survey_run(struct survey *s, char **files)
{
    bool whole;

    if (s->tally.mend)
        scan(s, mend_rights);
    scan(s, look_at);
    for (; *files; files++)
        look_at(s, SPOT_FILE, *files);
    whole = ask_ledger(s, !s->running);
    for (int look = 1; s->running && look < LOOKS; look++) {
        refresh(s);
        if (look > 1 && !any_to_do(s) && whole)
            break;
        nanosleep(&(struct timespec){.tv_sec = any_to_do(s)}, NULL);
        whole = ask_ledger(s, look == LOOKS - 1);
    }
    for (int reports = 0; reports < 2; reports++) {
        if (s->tally.mend)
            put_all(s, reports);
        else
            tell(s, reports);
    }
    if (s->tally.mend)
        scan(s, mend_rights);
}

void
survey_free(struct survey *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i].name);
    free(s->items);
    tally_free(&s->tally);
}
