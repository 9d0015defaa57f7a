#include "queue/account.h"

#include "base/id.h"
#include "tests/tap.h"

#define A "0SADYEM52MYY0"
#define B "0SADYEM5ZWFSJ"

static char faults[2000];

static void
on_fault(void *data, const struct account_fault *f)
{
    size_t len = strlen(faults);
    id_text id;

    (void)data;
    snprintf(faults + len, sizeof faults - len, "%s %d %u: %s\n",
             id_print(f->id, id), (int)f->rcpt, (unsigned)f->position,
             f->why);
}

struct script {
    const char *lines;           /* each ends with a newline; position 1, 2 */
    const char *todo, *info, *broken;
    bool partial;
    const char *want;            /* the faults, at once and at the end */
    const char *name;
};

static const struct script scripts[] = {
    {"accept id=" A " rcpts=1\n"
     "deliver id=" A " rcpt=0\n"
     "remove id=" A "\n",
     NULL, NULL, NULL, false, "", "accepted, delivered, removed"},
    {"accept id=" A " rcpts=1\n", A, NULL, NULL, false, "",
     "who is in todo/ is kept"},
    {"accept id=" A " rcpts=1\n", NULL, A, NULL, false, "",
     "who is in info/ is kept"},
    {"accept id=" A " rcpts=1\nbroken id=" A "\n", NULL, NULL, A, false, "",
     "who is in broken/ is kept"},
    {"", A, NULL, B, false, "",
     "a file in todo/ or broken/ may not be recorded yet"},
    {"", NULL, A, NULL, false,
     A " -1 0: kept in info/ without acceptance\n",
     "a file in info/ was recorded before it came there"},
    {"", NULL, A, NULL, true, "", "unless that was before a gap"},
    {"accept id=" A " rcpts=2\ndeliver id=" A " rcpt=1\n",
     NULL, NULL, NULL, false,
     A " 0 1: accepted, without an outcome, and not kept\n",
     "a recipient without an outcome whose message is gone is named"},
    {"accept id=" A " rcpts=1\ndeliver id=" A " rcpt=0\n",
     NULL, NULL, NULL, false, "",
     "with all outcomes a message may be gone"},
    {"accept id=" A " rcpts=1\nfail id=" A " rcpt=0\nremove id=" A "\n",
     NULL, NULL, NULL, false, A " 0 3: removed without an outcome\n",
     "a failure without its bounce is no outcome"},
    {"accept id=" A " rcpts=1\nfail id=" A " rcpt=0\n"
     "bounce id=" A " rcpt=0 to=none why=notify\nremove id=" A "\n",
     NULL, NULL, NULL, false, "",
     "a bounce nobody wanted is one (RFC 3461 4.1)"},
    {"accept id=" A " rcpts=1\nfail id=" A " rcpt=0\n"
     "bounce id=" A " rcpt=0 as=" B "\nremove id=" A "\n"
     "accept id=" B " rcpts=1 answers=" A ":0\n"
     "deliver id=" B " rcpt=0\nremove id=" B "\n",
     NULL, NULL, NULL, false, "", "a bounce is an accepted message"},
    {"accept id=" A " rcpts=1\nfail id=" A " rcpt=0\n"
     "bounce id=" A " rcpt=0 as=" B "\nremove id=" A "\n",
     NULL, NULL, NULL, false,
     B " -1 3: a bounce that was never accepted and is not kept\n",
     "a bounce that nobody ever saw is named"},
    {"accept id=" A " rcpts=1\nfail id=" A " rcpt=0\n"
     "bounce id=" A " rcpt=0 as=" B "\nremove id=" A "\n",
     B, NULL, NULL, false, "", "it may stand in todo/"},
    {"accept id=" A " rcpts=1\nfail id=" A " rcpt=0\n"
     "accept id=" B " rcpts=1 answers=" A ":0\nremove id=" A "\n",
     B, NULL, NULL, false, "", "its acceptance is the outcome, too"},
    {"accept id=" A " rcpts=1\nfail id=" A " rcpt=0\n"
     "accept id=" B " rcpts=1 answers=" A ":0\n"
     "deliver id=" B " rcpt=0\nremove id=" B "\n"
     "bounce id=" A " rcpt=0 as=" B "\nremove id=" A "\n",
     NULL, NULL, NULL, false, "", "both together are one outcome"},
    {"accept id=" A " rcpts=1\nbounce id=" A " rcpt=0 as=" B "\n"
     "bounce id=" A " rcpt=0 to=none\n",
     A, B, NULL, true, A " 0 3: two outcomes: a second bounce\n",
     "two bounces for one recipient are not"},
    {"accept id=" A " rcpts=2\nbounce id=" A " rcpt=0 to=none\n"
     "accept id=" B " rcpts=1 answers=" A ":0,1\n",
     A, B, NULL, false, A " 0 3: two outcomes: a second bounce\n",
     "nor an answer to one that has his"},
    {"accept id=" A " rcpts=1\ndeliver id=" A " rcpt=0\n"
     "deliver id=" A " rcpt=0\n",
     A, NULL, NULL, false, A " 0 3: two outcomes: delivered again\n",
     "two deliveries are two outcomes"},
    {"accept id=" A " rcpts=1\ndeliver id=" A " rcpt=0\n"
     "bounce id=" A " rcpt=0 to=none\n",
     A, NULL, NULL, false,
     A " 0 3: two outcomes: a bounce after delivery\n",
     "a delivery and a bounce are two outcomes"},
    {"accept id=" A " rcpts=1\nbounce id=" A " rcpt=0 to=none\n"
     "deliver id=" A " rcpt=0\n",
     A, NULL, NULL, false,
     A " 0 3: two outcomes: delivered after a bounce\n",
     "in either order"},
    {"accept id=" A " rcpts=1\ndeliver id=" A " rcpt=0\n"
     "fail id=" A " rcpt=0\n",
     A, NULL, NULL, false, A " 0 3: failed after it had its outcome\n",
     "what has its outcome cannot fail"},
    {"accept id=" A " rcpts=1\nfail id=" A " rcpt=0\n"
     "deliver id=" A " rcpt=0\nremove id=" A "\n",
     NULL, NULL, NULL, false, "",
     "who failed and was tried once more has one outcome"},
    {"accept id=" A " rcpts=1\naccept id=" A " rcpts=1\n"
     "deliver id=" A " rcpt=0\nremove id=" A "\n",
     NULL, NULL, NULL, false, "", "a crash repeats an acceptance"},
    {"accept id=" A " rcpts=1\naccept id=" A " rcpts=2\n",
     A, NULL, NULL, false, A " -1 2: accepted again as another message\n",
     "but with the same recipients"},
    {"accept id=" A " rcpts=1\ndeliver id=" A " rcpt=0\nremove id=" A "\n"
     "accept id=" A " rcpts=1\n",
     NULL, NULL, NULL, false,
     A " 0 4: accepted, without an outcome, and not kept\n",
     "after its removal it is accepted anew"},
    {"deliver id=" A " rcpt=0\nremove id=" A "\n",
     NULL, NULL, NULL, false,
     A " -1 1: an outcome without acceptance\n"
     A " -1 2: removed without acceptance\n",
     "outcomes of what was never accepted are named"},
    {"deliver id=" A " rcpt=0\nremove id=" A "\n",
     NULL, NULL, NULL, true, "", "unless that was before a gap"},
    {"accept id=" A " rcpts=1\ndeliver id=" A " rcpt=1\n"
     "accept id=" B " rcpts=0\n",
     A, NULL, NULL, false, A " -1 2: an outcome of no recipient it has\n"
     B " -1 3: accepted without recipients\n",
     "numbers that cannot be are named"},
    {"accept id=" A " rcpts=1\nbroken id=" A "\n", NULL, NULL, NULL, false,
     A " 0 1: accepted, without an outcome, and not kept\n",
     "what was set aside must be there"},
};

static void
feed(struct account *a, const char *lines)
{
    struct view all = view_of(lines), line;
    uint64_t position = 0;

    while (view_line(&all, &line))
        account_line(a, line, 1000, ++position);
}

static void
put(struct account *a, enum place place, const char *name)
{
    uint64_t id;

    if (name && id_parse(view_of(name), &id))
        account_listed(a, place, id);
}

static void
run(const struct script *s, bool lately)
{
    struct account a = {.fault = on_fault, .partial = s->partial};
    struct account_end end;

    /* A remove line that is old has no file any more. */
    a.began_ms = lately ? 1000 : 1000 * 1000;
    *faults = 0;
    account_relist(&a);
    put(&a, PLACE_TODO, s->todo);
    put(&a, PLACE_INFO, s->info);
    put(&a, PLACE_BROKEN, s->broken);
    feed(&a, s->lines);
    account_end(&a, &end);
    same(faults, s->want, s->name);
    account_free(&a);
}

static void
counts(void)
{
    struct account a = {.fault = on_fault};
    struct account_end end;

    put(&a, PLACE_INFO, A);
    put(&a, PLACE_TODO, "0SADYEM6P9R09");
    feed(&a, "accept id=" A " rcpts=5\ndeliver id=" A " rcpt=0\n"
             "bounce id=" A " rcpt=1 to=none\nfail id=" A " rcpt=2\n"
             "defer id=" A " rcpt=3\ndefer id=" A " rcpt=3\n"
             "accept id=" B " rcpts=1\n");
    ok(account_doubts(&a) == 1, "what is not seen yet is a doubt");
    account_relist(&a);
    put(&a, PLACE_BROKEN, A);
    put(&a, PLACE_TODO, B);
    put(&a, PLACE_TODO, "0SADYEM6P9R09");
    ok(account_doubts(&a) == 0, "which another look may end");
    account_end(&a, &end);
    ok(a.accepted.messages == 2 && a.accepted.rcpts == 6 &&
           a.delivered == 1 && a.bounced == 1 && a.unwanted == 1 &&
           a.deferrals == 2,
       "outcomes are counted by recipient");
    ok(end.queued.messages == 1 && end.queued.rcpts == 1 &&
           end.aside.messages == 1 && end.aside.rcpts == 3 &&
           end.unrecorded == 1,
       "with who is queued and set aside that is everybody");
    account_free(&a);
}

static void
bounded(void)
{
    struct account a = {.fault = on_fault, .began_ms = 1000 * 1000};
    char lines[200];
    size_t doubts;
    id_text id;

    for (unsigned i = 1; i <= 1000; i++) {
        id_print(i, id);
        snprintf(lines, sizeof lines, "accept id=%s rcpts=1\n"
                 "deliver id=%s rcpt=0\nremove id=%s\n", id, id, id);
        feed(&a, lines);
    }
    doubts = account_doubts(&a);
    ok(!a.entries && doubts == 0, "what is removed takes no memory");
    put(&a, PLACE_INFO, A);
    feed(&a, "accept id=" A " rcpts=1\ndeliver id=" A " rcpt=0\n"
             "remove id=" A "\n");
    ok(account_doubts(&a) == 0,
       "a file that is about to go after its removal was recorded is no "
       "doubt");
    account_free(&a);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        run(&scripts[i], false);
        run(&scripts[i], true);
    }
    counts();
    bounded();
    return tap_end();
}
