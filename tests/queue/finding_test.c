#include "queue/finding.h"

#include <errno.h>

#include "tests/tap.h"

#define OK .regular = true, .rights = true
#define MESSAGE OK, .bytes = BYTES_WHOLE, .has_id = true
#define OWN MESSAGE, .named = true, .form = FORM_ID

static const struct {
    struct seen seen;
    enum act act;
    const char *why;
} rows[] = {
    {{.spot = SPOT_TODO, OWN}, ACT_NONE, "a message where it belongs"},
    {{.spot = SPOT_INFO, OWN}, ACT_NONE, "and a deferred one"},
    {{.spot = SPOT_TODO, OWN, .taken = TAKEN_SAME}, ACT_DROP,
     "one file in todo/ and info/ loses the name in todo/"},
    {{.spot = SPOT_TODO, OWN, .taken = TAKEN_OTHER}, ACT_BROKEN,
     "of two files the one in todo/ is set aside"},
    {{.spot = SPOT_TODO, OWN, .taken = TAKEN_COPY}, ACT_BROKEN,
     "a copy of the one in info/ too, for its records may differ"},
    {{.spot = SPOT_INFO, .regular = true, .bytes = BYTES_WHOLE,
      .has_id = true, .named = true}, ACT_RIGHTS, "wrong rights are set"},
    {{.spot = SPOT_INFO, .regular = true, .bytes = BYTES_WHOLE,
      .has_id = true, .named = true, .links = true}, ACT_LEAVE,
     "but not of a file that has names elsewhere"},
    {{.spot = SPOT_INFO, OK, .bytes = BYTES_DAMAGED}, ACT_BROKEN,
     "what does not verify is set aside"},
    {{.spot = SPOT_INFO, OK, .bytes = BYTES_NEWER}, ACT_NOTE,
     "what a newer version wrote is left alone"},
    {{.spot = SPOT_INFO, OK, .error = -EIO}, ACT_CANNOT,
     "an errno is no damage"},
    {{.spot = SPOT_INFO, .regular = true, .error = -EACCES}, ACT_RIGHTS,
     "what its mode hides gets its mode"},
    {{.spot = SPOT_INFO, .regular = true, .error = -EACCES,
      .form = FORM_OTHER}, ACT_CANNOT, "not under a foreign name"},
    {{.spot = SPOT_INFO, OK, .error = -EACCES}, ACT_CANNOT,
     "where the mode is right it is an errno as others"},
    {{.spot = SPOT_TODO, .rights = true}, ACT_NOTE,
     "no regular file is left alone"},
    {{.spot = SPOT_TODO, OK, .form = FORM_OTHER}, ACT_NOTE,
     "a foreign name is left alone"},
    {{.spot = SPOT_TODO, OK, .form = FORM_OTHER, .bytes = BYTES_DAMAGED},
     ACT_NOTE, "whatever it holds"},
    {{.spot = SPOT_TODO, MESSAGE, .form = FORM_OTHER}, ACT_TODO,
     "a whole message under a foreign name gets its own"},
    {{.spot = SPOT_INFO, MESSAGE, .fate = FATE_TRIED}, ACT_INFO,
     "one under another id gets its own"},
    {{.spot = SPOT_INFO, MESSAGE, .taken = TAKEN_OTHER}, ACT_BROKEN,
     "unless that is taken"},
    {{.spot = SPOT_INFO, MESSAGE, .taken = TAKEN_COPY}, ACT_BROKEN,
     "even by a copy"},
    {{.spot = SPOT_INFO, MESSAGE, .fate = FATE_REMOVED}, ACT_BROKEN,
     "or the message is settled"},
    {{.spot = SPOT_INFO, MESSAGE, .form = FORM_OTHER,
      .fate = FATE_REMOVED}, ACT_LEAVE, "a foreign name stays then"},
    {{.spot = SPOT_TODO, OK, .form = FORM_DOT}, ACT_BROKEN,
     "what was never acknowledged is set aside"},
    {{.spot = SPOT_TODO, MESSAGE, .form = FORM_DOT, .taken = TAKEN_SAME},
     ACT_DROP, "a second name of a message goes"},
    {{.spot = SPOT_BOUNCE, OK, .message = true}, ACT_NONE,
     "reports of a message"},
    {{.spot = SPOT_BOUNCE, OK}, ACT_BROKEN, "reports of none are set aside"},
    {{.spot = SPOT_BOUNCE, OK, .form = FORM_OTHER}, ACT_NOTE,
     "a foreign name in bounce/"},
    {{.spot = SPOT_BROKEN, OK, .form = FORM_ASIDE}, ACT_NONE,
     "what stands in broken/ stays"},
    {{.spot = SPOT_BROKEN, OK, .form = FORM_OTHER}, ACT_NOTE,
     "a foreign name in broken/"},
    {{.spot = SPOT_LEDGER, OK, .form = FORM_ID}, ACT_NONE, "a segment"},
    {{.spot = SPOT_LEDGER, OK, .form = FORM_OTHER}, ACT_NOTE,
     "a foreign name in ledger/"},
    {{.spot = SPOT_LOST, MESSAGE, .form = FORM_OTHER}, ACT_TODO,
     "a lost message comes back"},
    {{.spot = SPOT_LOST, MESSAGE, .form = FORM_OTHER, .fate = FATE_TRIED},
     ACT_INFO, "to info/ if it was tried"},
    {{.spot = SPOT_LOST, MESSAGE, .form = FORM_OTHER,
      .fate = FATE_REMOVED}, ACT_BROKEN, "not if it was settled"},
    {{.spot = SPOT_LOST, MESSAGE, .form = FORM_OTHER, .fate = FATE_ASIDE},
     ACT_BROKEN, "to broken/ if it was set aside"},
    {{.spot = SPOT_LOST, MESSAGE, .form = FORM_OTHER,
      .fate = FATE_UNKNOWN}, ACT_LEAVE,
     "nobody knows without a ledger: it stays"},
    {{.spot = SPOT_LOST, MESSAGE, .form = FORM_OTHER,
      .taken = TAKEN_OTHER}, ACT_BROKEN, "nothing is replaced"},
    {{.spot = SPOT_LOST, MESSAGE, .form = FORM_OTHER,
      .taken = TAKEN_COPY}, ACT_NOTE, "a copy of what is there stays"},
    {{.spot = SPOT_LOST, MESSAGE, .form = FORM_OTHER,
      .taken = TAKEN_SAME}, ACT_DROP, "a move that was cut short is ended"},
    {{.spot = SPOT_LOST, OK, .form = FORM_OTHER, .bytes = BYTES_DAMAGED,
      .has_id = true}, ACT_BROKEN, "a damaged one is set aside"},
    {{.spot = SPOT_LOST, OK, .form = FORM_OTHER}, ACT_LEAVE,
     "anything else is for the operator"},
    {{.spot = SPOT_LOST, OK, .form = FORM_OTHER, .bytes = BYTES_REPORTS,
      .message = true}, ACT_BOUNCE, "reports come back"},
    {{.spot = SPOT_LOST, OK, .form = FORM_OTHER, .bytes = BYTES_REPORTS},
     ACT_LEAVE, "not without their message"},
    {{.spot = SPOT_LOST, OK, .form = FORM_OTHER, .bytes = BYTES_REPORTS,
      .message = true, .taken = TAKEN_OTHER}, ACT_LEAVE,
     "nor over others"},
    {{.spot = SPOT_FILE, MESSAGE, .form = FORM_OTHER}, ACT_TODO,
     "a file of the operator's is taken in"},
    {{.spot = SPOT_FILE, MESSAGE, .form = FORM_OTHER,
      .fate = FATE_REMOVED}, ACT_LEAVE, "or left, never set aside"},
    {{.spot = SPOT_FILE, OK, .form = FORM_OTHER, .bytes = BYTES_DAMAGED,
      .has_id = true}, ACT_LEAVE, "damaged too"},
};

static void
forms(void)
{
    uint64_t id;

    ok(finding_form("06A0XBTWSSHY6", &id) == FORM_ID && id, "an id");
    ok(finding_form("06a0xbtwsshy6", &id) == FORM_OTHER,
       "small letters are no id of ours");
    ok(finding_form(".06A0XBTWSSHY6", &id) == FORM_DOT && id,
       "a name while it is written");
    ok(finding_form("06A0XBTWSSHY6.12", &id) == FORM_ASIDE &&
           finding_form("06A0XBTWSSHY6.bounce", &id) == FORM_ASIDE &&
           finding_form("06A0XBTWSSHY6.bounce.3", &id) == FORM_ASIDE &&
           finding_form("06A0XBTWSSHY6.unfinished", &id) == FORM_ASIDE,
       "names that broken/ gives");
    ok(finding_form("06A0XBTWSSHY6.bak", &id) == FORM_OTHER &&
           finding_form("06A0XBTWSSHY6.", &id) == FORM_OTHER &&
           finding_form("", &id) == FORM_OTHER &&
           finding_form("#1234", &id) == FORM_OTHER && id == 0,
       "and others");
    ok(finding_ledgername("0000000000000000") &&
           finding_ledgername("head") && finding_ledgername("spare.new") &&
           !finding_ledgername("000000000000000G") &&
           !finding_ledgername("heads"),
       "names of the ledger");
}

static void
modes(void)
{
    struct rights split = {.split = true, .spool = 10, .queue = 11,
                           .group = 12};
    struct rights one = {.spool = 10, .queue = 10, .group = 12};

    ok(rights_right(&split, SPOT_TODO, 11, 12, 0660), "as enqueue makes it");
    ok(!rights_right(&split, SPOT_TODO, 11, 12, 0600) &&
           !rights_right(&split, SPOT_TODO, 11, 9, 0660),
       "the manager must get at it");
    ok(!rights_right(&split, SPOT_TODO, 0, 12, 0660) &&
           !rights_right(&split, SPOT_BOUNCE, 11, 12, 0660),
       "nobody else's");
    ok(!rights_right(&split, SPOT_INFO, 10, 9, 0660),
       "no other group may read it");
    ok(rights_right(&one, SPOT_TODO, 10, 9, 0660) &&
           rights_right(&one, SPOT_BOUNCE, 10, 9, 0600),
       "where one user has all the group does not matter");
    ok(!rights_right(&one, SPOT_TODO, 10, 9, 0664) &&
           !rights_right(&one, SPOT_TODO, 10, 9, 0440) &&
           !rights_right(&one, SPOT_TODO, 10, 9, 04660),
       "modes that are none of ours");
    for (int s = 0; s <= SPOT_LEDGER; s++)
        ok(rights_right(&split, (enum spot)s, 10, 12,
                        rights_mode((enum spot)s)),
           "what is set right is right, %d", s);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct finding f = finding_of(&rows[i].seen);

        ok(f.act == rows[i].act, "%s", rows[i].why);
    }
    /* No act is destructive: a name goes only if the file has another. */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(finding_of(&rows[i].seen).act != ACT_DROP ||
               rows[i].seen.taken == TAKEN_SAME,
           "a name is dropped only with another left, %zu", i);
    forms();
    modes();
    return tap_end();
}
