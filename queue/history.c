#include "queue/history.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/id.h"
#include "base/line.h"
#include "queue/answers.h"
#include "queue/json.h"

int
history_walk(const struct look *look,
             bool (*each)(void *data, const struct ledger_line *l),
             void *data)
{
    struct ledger_reader r;
    struct ledger_line l;
    int e = ledger_readopen(&r, look->store.ledger, 0, NULL);

    if (e == -ENOENT)
        return 0;
    while (e == 0 && (e = ledger_next(&r, &l)) > 0)
        e = each(data, &l) ? 0 : 1;
    if (e == -EBADMSG || (e == 0 && r.torn))
        fprintf(stderr, "godwit %s: the ledger does not verify from position "
                "%ju on; see godwit audit\n", look->word,
                (uintmax_t)r.position);
    ledger_readclose(&r);
    return e >= 0 || e == -EBADMSG ? 0 : look_fail(look, "ledger", e);
}

bool
history_about(struct view text, uint64_t id)
{
    struct buf b = {0};
    uint64_t its;
    bool yes = look_id(text, "id", &its) && its == id;

    if (!yes && line_get(text, "answers", &b))
        yes = answers_id(buf_view(&b)) == id;
    buf_free(&b);
    return yes;
}

/* Words before and behind the value of a field that is there and says
 * something; the value is escaped where it must be. */
struct phrase {
    const char *before, *key, *after;
};

struct wording {
    const char *event, *word;
    struct phrase phrases[7]; /* the last has no key */
};

static const struct wording wordings[] = {
    {"accept", "accepted", {{" from <", "from", ">"},
                            {", recipients ", "rcpts", ""},
                            {", ", "size", " bytes"},
                            {", handed in by ", "caller", ""},
                            {", a bounce that answers ", "answers", ""}}},
    {"deliver", "delivered", {{" to <", "to", ">"},
                              {" at ", "host", ""},
                              {", code ", "code", ""},
                              {", attempt ", "attempt", ""},
                              {", after ", "age", " s"},
                              {": ", "why", ""}}},
    {"defer", "deferred", {{" <", "to", ">"},
                           {" at ", "host", ""},
                           {", code ", "code", ""},
                           {", attempt ", "attempt", ""},
                           {", after ", "age", " s"},
                           {": ", "why", ""}}},
    {"fail", "failed", {{" for <", "to", ">"},
                        {" at ", "host", ""},
                        {", code ", "code", ""},
                        {", attempt ", "attempt", ""},
                        {", after ", "age", " s"},
                        {": ", "why", ""}}},
    {"bounce", "bounced", {{", recipient ", "rcpt", ""},
                           {" as ", "as", ""},
                           {" to <", "to", ">"},
                           {": ", "why", ""}}},
    {"remove", "removed", {{"", NULL, ""}}},
    {"broken", "set aside", {{" from ", "from", "/"},
                             {": ", "why", ""}}},
};

static void
put_phrase(struct buf *b, struct view text, const struct phrase *p)
{
    struct buf value = {0};

    if (line_get(text, p->key, &value) &&
        (value.len || strcmp(p->key, "from") == 0)) {
        buf_addstr(b, p->before);
        if (value.len)
            line_print(b, "%.*s", (int)value.len, value.data);
        buf_addstr(b, p->after);
    }
    buf_free(&value);
}

static void
put_words(struct buf *b, const struct ledger_line *l)
{
    for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
        const struct wording *w = &wordings[i];

        if (!ledger_is(l, w->event))
            continue;
        buf_addstr(b, w->word);
        for (const struct phrase *p = w->phrases; p->key; p++)
            put_phrase(b, l->text, p);
        return;
    }
    buf_addview(b, l->text);
}

void
history_text(struct buf *b, const struct ledger_line *l)
{
    uint64_t id;
    id_text text;

    date_stamp(b, l->ms);
    if (look_id(l->text, "id", &id))
        buf_print(b, "  %s", id_print(id, text));
    buf_addstr(b, "  ");
    put_words(b, l);
    buf_addbyte(b, '\n');
}

/* The next key=value of the text; false at its end. */
static bool
next_key(struct view *rest, char *key, size_t size)
{
    while (rest->len) {
        size_t end = 0;
        bool found, quoted = false;

        while (end < rest->len && rest->data[end] != ' ' &&
               rest->data[end] != '=')
            end++;
        found = end < rest->len && rest->data[end] == '=';
        snprintf(key, size, "%.*s", (int)end, rest->data);
        for (; end < rest->len && (quoted || rest->data[end] != ' '); end++) {
            if (rest->data[end] == '\\')
                end++;
            else if (rest->data[end] == '"')
                quoted = !quoted;
        }
        *rest = view_from(*rest, end + 1);
        if (found)
            return true;
    }
    return false;
}

static bool
is_number(const char *key)
{
    static const char *const numbers[] = {
        "rcpt", "rcpts", "size", "attempt", "age", "position", "upto",
        "applied", "base", "after",
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(key, numbers[i]) == 0)
            return true;
    return false;
}

void
history_json(struct buf *b, const struct ledger_line *l)
{
    struct view rest = l->text;
    struct buf value = {0};
    char key[40];

    date_stamp(&value, l->ms);
    buf_addbyte(b, '{');
    json_addtext(b, "time", buf_view(&value));
    json_addnumber(b, "position", l->position);
    json_addtext(b, "event",
                 view_make(rest.data, view_find(rest, ' ')));
    while (next_key(&rest, key, sizeof key)) {
        uint64_t n;

        buf_clear(&value);
        if (!line_get(l->text, key, &value))
            continue;
        if (is_number(key) &&
            view_number(buf_view(&value), UINT64_MAX, &n))
            json_addnumber(b, key, n);
        else
            json_addtext(b, key, buf_view(&value));
    }
    buf_addstr(b, "}\n");
    buf_free(&value);
}
