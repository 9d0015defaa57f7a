#include "queue/tally.h"

#include <stdio.h>
#include <string.h>

#include "queue/commands.h"
#include "queue/json.h"

enum { EXIT_FOUND = 1 };

static void
put_plain(const char *s)
{
    for (; *s; s++)
        putchar((unsigned char)*s < 32 || *s == 127 ? '?' : *s);
}

static const char *
words(const struct tally *t, enum act act)
{
    switch (act) {
    case ACT_NOTE:
        return "left alone";
    case ACT_LEAVE:
        return "left alone, to be looked at";
    case ACT_CANNOT:
        return "not now; left alone";
    case ACT_RIGHTS:
        return t->mend ? "set right" : "--repair sets them right";
    case ACT_DROP:
        return t->mend ? "this name is gone" : "--repair drops this name";
    default:
        return t->mend ? "moved to" : "--repair moves it to";
    }
}

static void
put_json(struct tally *t, const struct remark *r)
{
    enum act act = r->finding.act;

    json_item(&t->list);
    buf_addbyte(&t->list, '{');
    json_addtext(&t->list, "place", view_of(r->place));
    json_addtext(&t->list, "name", view_of(r->name));
    json_addtext(&t->list, "what", view_of(r->finding.what));
    json_addtext(&t->list, "act", view_of(finding_act(act)));
    if (*r->to)
        json_addtext(&t->list, "to", view_of(r->to));
    json_addbool(&t->list, "done",
                 t->mend && act >= ACT_RIGHTS && r->error == 0);
    buf_addbyte(&t->list, '}');
}

static void
put_line(const struct tally *t, const struct remark *r)
{
    printf("%s%s", r->place, *r->place && *r->name ? "/" : "");
    put_plain(r->name);
    printf(": %s; ", r->finding.what);
    if (r->error < 0)
        printf("not put right, all is kept: %s\n", strerror(-r->error));
    else
        printf("%s%s%s\n", words(t, r->finding.act), *r->to ? " " : "",
               r->to);
}

void
tally_add(struct tally *t, const struct remark *r)
{
    enum act act = r->finding.act;

    t->notes += act == ACT_NOTE;
    t->left += act == ACT_LEAVE;
    t->found += act >= ACT_RIGHTS && r->error == 0;
    t->moved += t->mend && act > ACT_RIGHTS && r->error == 0;
    t->unread += act == ACT_CANNOT || r->error < 0;
    if (t->json)
        put_json(t, r);
    else
        put_line(t, r);
}

void
tally_part(struct tally *t, const char *name, struct finding finding,
           int error)
{
    tally_add(t, &(struct remark){"queue", name, finding, "", error});
}

void
tally_sum(const struct tally *t)
{
    struct buf b = {0};

    if (!t->json) {
        printf("%ju %s, %ju to be looked at, %ju could not be done now, %ju "
               "others left alone\n", (uintmax_t)t->found,
               t->mend ? "found and put right" : "to be put right",
               (uintmax_t)t->left, (uintmax_t)t->unread, (uintmax_t)t->notes);
        if (t->moved)
            puts("run godwit audit, then godwit start");
        return;
    }
    json_addnumber(&b, "found", t->found);
    json_addnumber(&b, "left", t->left);
    json_addnumber(&b, "unread", t->unread);
    json_addnumber(&b, "notes", t->notes);
    printf("{\"findings\":[%s],%s}\n", t->list.data ? t->list.data : "",
           b.data);
    buf_free(&b);
}

int
tally_code(const struct tally *t)
{
    if (t->unread)
        return EXIT_LATER;
    return t->left || (t->found && !t->mend) ? EXIT_FOUND : EXIT_OK;
}

void
tally_free(struct tally *t)
{
    buf_free(&t->list);
}
