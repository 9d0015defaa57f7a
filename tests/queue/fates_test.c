#include "queue/fates.h"

#include "base/id.h"
#include "tests/tap.h"

enum { MS = 1000 };

static uint64_t a, b, c;

static void
line(struct fates *f, const char *event, uint64_t id, const char *rest)
{
    static uint64_t position;
    struct buf text = {0};
    id_text name;

    buf_print(&text, "%s id=%s%s", event, id_print(id, name), rest);
    fates_line(f, &(struct ledger_line){.text = buf_view(&text),
                                        .ms = id_ms(id),
                                        .position = ++position});
    buf_free(&text);
}

static enum rcpt_state
state(const struct fates *f, uint64_t id, uint32_t rcpt)
{
    const struct fate_of *one = fates_find(f, id);

    if (one && rcpt < one->count)
        return one->states[rcpt].state;
    return OWED;
}

static void
lives(void)
{
    struct fates f = {0};
    struct buf answers = {0};
    id_text name;

    fates_add(&f, a);
    fates_add(&f, b);
    ok(fates_get(&f, a) == FATE_NONE, "no line: nothing is known of it");
    ok(fates_get(&f, c) == FATE_UNKNOWN, "nobody asked for this one");
    line(&f, "accept", a, " rcpts=3");
    ok(fates_get(&f, a) == FATE_NONE, "acceptance is no attempt");
    line(&f, "defer", a, " rcpt=0");
    ok(fates_get(&f, a) == FATE_TRIED && state(&f, a, 0) == OWED,
       "a deferral is one, and settles nobody");
    line(&f, "deliver", a, " rcpt=1");
    line(&f, "fail", a, " rcpt=2");
    ok(state(&f, a, 1) == DELIVERED && state(&f, a, 2) == FAILED,
       "outcomes are states");
    buf_print(&answers, " answers=%s:1,2", id_print(a, name));
    line(&f, "accept", c, answers.data);
    ok(state(&f, a, 1) == DELIVERED && state(&f, a, 2) == BOUNCED,
       "an accepted bounce settles those that failed");
    line(&f, "hold", a, " by=0");
    ok(fates_find(&f, a)->hold == 1, "it is held");
    line(&f, "release", a, " by=0");
    ok(fates_find(&f, a)->hold == 0, "and released");
    line(&f, "broken", a, " from=info");
    ok(fates_get(&f, a) == FATE_ASIDE, "set aside");
    line(&f, "remove", a, "");
    ok(fates_get(&f, a) == FATE_REMOVED, "removed");
    ok(fates_get(&f, b) == FATE_NONE, "nothing of it is another's");
    f.unsure = true;
    ok(fates_get(&f, b) == FATE_UNKNOWN && fates_get(&f, a) == FATE_REMOVED,
       "of a ledger that does not verify only what it says is known");
    buf_free(&answers);
    fates_free(&f);
}

static void
gaps(void)
{
    struct fates f = {0};

    fates_add(&f, a);
    fates_add(&f, b);
    fates_line(&f, &(struct ledger_line){.text = view_of("gap aside=x"),
                                         .ms = id_ms(b)});
    ok(fates_get(&f, a) == FATE_UNKNOWN, "before a gap nothing is known");
    ok(fates_get(&f, b) == FATE_NONE, "behind it all is");
    fates_free(&f);
}

int
main(void)
{
    uint64_t now = 1700000000ull * MS;

    a = id_make(now, 1);
    b = id_make(now + MS, 2);
    c = id_make(now + 2 * MS, 3);
    lives();
    gaps();
    return tap_end();
}
