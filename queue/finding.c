#include "queue/finding.h"

#include <errno.h>
#include <string.h>

#include "base/id.h"

static bool
is_id(struct view v, uint64_t *id)
{
    id_text back;

    return id_parse(v, id) && view_is(v, id_print(*id, back));
}

static bool
is_number(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

/* Behind the id: .1, .bounce, .bounce.1, .unfinished, ... */
static bool
is_aside(const char *rest)
{
    static const char *const words[] = {".bounce", ".unfinished"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);

        if (strncmp(rest, words[i], len) == 0) {
            rest += len;
            return !*rest || (*rest == '.' && is_number(rest + 1));
        }
    }
    return *rest == '.' && is_number(rest + 1);
}

enum name_form
finding_form(const char *name, uint64_t *id)
{
    size_t len = strlen(name);

    *id = 0;
    if (is_id(view_make(name, len), id))
        return FORM_ID;
    if (*name == '.' && is_id(view_make(name + 1, len - 1), id))
        return FORM_DOT;
    if (len > ID_LEN && is_id(view_make(name, ID_LEN), id) &&
        is_aside(name + ID_LEN))
        return FORM_ASIDE;
    *id = 0;
    return FORM_OTHER;
}

bool
finding_ledgername(const char *name)
{
    static const char *const known[] = {"head", "head.new", "spare",
                                        "spare.new"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    return strlen(name) == 16 && strspn(name, "0123456789abcdef") == 16;
}

static struct finding
say(enum act act, const char *what)
{
    return (struct finding){act, what};
}

static struct finding
rights(const struct seen *s)
{
    if (s->rights)
        return say(ACT_NONE, "");
    if (s->links)
        return say(ACT_LEAVE, "wrong owner or mode, and names elsewhere, "
                   "which are not known");
    return say(ACT_RIGHTS, "wrong owner or mode");
}

/* A whole queue file under a name that is not its own. */
static struct finding
stray(const struct seen *s)
{
    /* What a name is that nobody knows the operator knows; his own files
     * are never changed. */
    bool ours = s->spot == SPOT_LOST || s->form == FORM_ID;
    enum act aside = ours ? ACT_BROKEN : ACT_LEAVE;

    if (s->taken == TAKEN_SAME)
        return say(s->spot == SPOT_FILE ? ACT_NOTE : ACT_DROP,
                   "the message has the name of its id besides this one");
    if (s->taken == TAKEN_COPY && s->form != FORM_ID)
        return say(ACT_NOTE, "a message that is in the queue already");
    if (s->taken != TAKEN_NOT)
        return say(aside, "a message whose id is another file's name");
    if (s->fate == FATE_REMOVED)
        return say(aside, "a message that was delivered or bounced, by the "
                   "ledger");
    if (s->fate == FATE_ASIDE)
        return say(aside, "a message that was set aside, by the ledger");
    if (s->fate == FATE_UNKNOWN)
        return say(ACT_LEAVE, "a whole message, but the ledger that would "
                   "say whether it was delivered does not verify");
    return say(s->fate == FATE_TRIED ? ACT_INFO : ACT_TODO,
               s->form == FORM_ID
                   ? "a message under the name of another id"
                   : "a whole message that is not in the queue");
}

static struct finding
queued(const struct seen *s)
{
    if (s->form == FORM_DOT)
        return s->taken == TAKEN_SAME
                   ? say(ACT_DROP, "a message has this name besides its own")
                   : say(ACT_BROKEN, "the beginning of a message that was "
                         "never acknowledged");
    if (s->bytes == BYTES_WHOLE && !s->named)
        return stray(s);
    if (s->form != FORM_ID)
        return say(ACT_NOTE, "no message, by its name");
    if (s->bytes == BYTES_NEWER)
        return say(ACT_NOTE, "written by a newer version");
    if (s->bytes != BYTES_WHOLE)
        return say(ACT_BROKEN, "does not verify");
    if (s->spot == SPOT_TODO && s->taken == TAKEN_SAME)
        return say(ACT_DROP, "has its name in info/ too");
    if (s->spot == SPOT_TODO && s->taken != TAKEN_NOT)
        return say(ACT_BROKEN, "another file of this id is in info/");
    return rights(s);
}

static struct finding
reports(const struct seen *s)
{
    if (s->form != FORM_ID)
        return say(ACT_NOTE, "no reports, by its name");
    if (!s->message)
        return say(ACT_BROKEN, "reports of failures of a message that is not "
                   "there");
    return rights(s);
}

static struct finding
lost(const struct seen *s)
{
    enum act aside = s->spot == SPOT_LOST ? ACT_BROKEN : ACT_LEAVE;

    if (s->bytes == BYTES_WHOLE)
        return stray(s);
    if (s->bytes == BYTES_DAMAGED && s->has_id)
        return say(aside, "a queue file that does not verify");
    if (s->bytes == BYTES_NEWER)
        return say(ACT_LEAVE, "a queue file of a newer version");
    if (s->bytes != BYTES_REPORTS)
        return say(ACT_LEAVE, "nothing that belongs in the queue, as far as "
                   "can be seen");
    if (!s->message)
        return say(ACT_LEAVE, "reports of failures of no message that is "
                   "there");
    if (s->taken == TAKEN_SAME)
        return say(s->spot == SPOT_FILE ? ACT_NOTE : ACT_DROP,
                   "reports that have their name besides this one");
    if (s->taken != TAKEN_NOT)
        return say(ACT_LEAVE, "reports of failures of a message that has "
                   "others");
    return say(ACT_BOUNCE, "the reports of a message's failures");
}

struct finding
finding_of(const struct seen *s)
{
    if (s->error == -EACCES && s->regular && !s->rights && !s->links &&
        s->form == FORM_ID)
        return say(ACT_RIGHTS, "wrong owner or mode");
    if (s->error < 0)
        return say(ACT_CANNOT, strerror(-s->error));
    if (!s->regular)
        return say(s->spot == SPOT_LOST || s->spot == SPOT_FILE ? ACT_LEAVE
                                                               : ACT_NOTE,
                   "no regular file");
    switch (s->spot) {
    case SPOT_TODO:
    case SPOT_INFO:
        return queued(s);
    case SPOT_BOUNCE:
        return reports(s);
    case SPOT_BROKEN:
        return s->form == FORM_ID || s->form == FORM_ASIDE
                   ? rights(s) : say(ACT_NOTE, "not a name that is given "
                                     "here");
    case SPOT_LEDGER:
        return s->form == FORM_OTHER ? say(ACT_NOTE, "no part of the ledger")
                                     : rights(s);
    default:
        return lost(s);
    }
}

const char *
finding_act(enum act act)
{
    static const char *const words[] = {
        [ACT_NONE] = "none", [ACT_NOTE] = "note", [ACT_LEAVE] = "leave",
        [ACT_CANNOT] = "cannot", [ACT_RIGHTS] = "rights",
        [ACT_DROP] = "drop", [ACT_TODO] = "todo", [ACT_INFO] = "info",
        [ACT_BOUNCE] = "bounce", [ACT_BROKEN] = "broken",
    };

    return words[act];
}

bool
rights_right(const struct rights *r, enum spot spot, uint32_t uid,
             uint32_t gid, uint32_t mode)
{
    bool enqueued = r->split && uid == r->queue &&
                    (spot == SPOT_TODO || spot == SPOT_INFO ||
                     spot == SPOT_BROKEN);

    if (spot == SPOT_LOST || spot == SPOT_FILE)
        return true;
    if ((mode & ~0660u) || (mode & 0600) != 0600)
        return false;
    /* The manager gets at what enqueue made by its group. */
    if (enqueued)
        return gid == r->group && mode == 0660;
    return uid == r->spool && (!(mode & 060) || !r->split || gid == r->group);
}

uint32_t
rights_mode(enum spot spot)
{
    return spot == SPOT_TODO || spot == SPOT_INFO ? 0660 : 0600;
}
