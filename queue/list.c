/* godwit queue: what is in todo/, info/ and broken/, a message at a time */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/id.h"
#include "base/line.h"
#include "queue/commands.h"
#include "queue/json.h"
#include "queue/look.h"
#include "queue/outline.h"

struct list {
    struct look look;
    bool json;
    struct view sender, rcpt;
    bool by_sender;
    uint64_t older;         /* seconds */
    const char *state;      /* todo, info, broken or held; NULL: all */
    uint64_t now;
    uint64_t counts[PLACES], held, damaged, rcpts, owed;
    bool some;
    enum place place;       /* being listed */
    int result;
};

static bool
has_rcpt(const struct queued *q, struct view address)
{
    for (uint32_t i = 0; i < q->envelope.rcpt_count; i++)
        if (view_equalcase(q->envelope.rcpts[i].address, address))
            return true;
    return false;
}

static bool
wanted(const struct list *l, const struct queued *q)
{
    return (!l->by_sender ||
            view_equalcase(q->envelope.sender, l->sender)) &&
           (!l->rcpt.len || has_rcpt(q, l->rcpt)) &&
           (!l->older || outline_age(q, l->now) >= l->older) &&
           (!l->state || strcmp(l->state, "held") != 0 || q->slot.hold);
}

static void
put(struct list *l, struct buf *b)
{
    if (l->json)
        fputs(l->some ? ",\n" : "\n", stdout);
    l->some = true;
    fwrite(b->data, 1, b->len, stdout);
}

/* One that cannot be read matches no filter but those of place and age. */
static void
damaged(struct list *l, uint64_t id, const char *why)
{
    struct queued q = {.id = id, .header = {.birth_ms = id_ms(id)}};
    struct buf b = {0};
    id_text text;

    if (l->by_sender || l->rcpt.len ||
        (l->state && strcmp(l->state, "held") == 0) ||
        (l->older && outline_age(&q, l->now) < l->older))
        return;
    l->counts[l->place]++;
    l->damaged++;
    if (l->json) {
        buf_addbyte(&b, '{');
        json_addtext(&b, "id", view_of(id_print(id, text)));
        json_addtext(&b, "place", view_of(place_name(l->place)));
        json_addtext(&b, "damaged", view_of(why));
        buf_addbyte(&b, '}');
    } else {
        buf_print(&b, "%s  in %s, cannot be read: %s\n", id_print(id, text),
                  place_name(l->place), why);
    }
    put(l, &b);
    buf_free(&b);
}

static void
count(struct list *l, const struct queued *q)
{
    l->counts[l->place]++;
    l->held += q->slot.hold;
    l->rcpts += q->envelope.rcpt_count;
    for (uint32_t i = 0; i < q->envelope.rcpt_count; i++)
        l->owed += q->states[i].state == OWED;
}

static bool
on_id(void *data, uint64_t id)
{
    struct list *l = data;
    struct queued q;
    struct buf b = {0};
    const char *why;
    int r = store_load(&l->look.store, l->place, id, &q, &why);

    /* Gone, or moved and listed there, since its name was read. */
    if (r == -ENOENT)
        return true;
    if (r < 0) {
        damaged(l, id, r == -EBADMSG || r == -ENOTSUP ? why : strerror(-r));
        return !ferror(stdout);
    }
    if (wanted(l, &q)) {
        count(l, &q);
        if (l->json)
            outline_json(&b, &q, l->now);
        else
            outline_text(&b, &q, l->now);
        put(l, &b);
    }
    buf_free(&b);
    queued_free(&q);
    return !ferror(stdout);
}

static bool
place_wanted(const struct list *l, enum place p)
{
    if (!l->state)
        return true;
    return strcmp(l->state, "held") == 0 ? p != PLACE_BROKEN
                                         : strcmp(l->state, place_name(p)) == 0;
}

/* A message moves from todo/ to info/: this way none is missed. */
static int
list(struct list *l)
{
    static const enum place order[] = {PLACE_TODO, PLACE_INFO, PLACE_BROKEN};

    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        size_t foreign;
        int r;

        l->place = order[i];
        if (!place_wanted(l, l->place))
            continue;
        r = store_list(&l->look.store, l->place, on_id, l, &foreign);
        if (r < 0)
            return look_fail(&l->look, place_name(l->place), r);
    }
    return 0;
}

static void
sum_up(const struct list *l)
{
    uint64_t messages = l->counts[PLACE_TODO] + l->counts[PLACE_INFO];
    struct buf b = {0};

    if (!l->json) {
        printf("%ju message%s queued (%ju new, %ju deferred, %ju held), %ju "
               "set aside, %ju damaged; %ju of %ju recipients owed\n",
               (uintmax_t)messages, messages == 1 ? "" : "s",
               (uintmax_t)l->counts[PLACE_TODO],
               (uintmax_t)l->counts[PLACE_INFO], (uintmax_t)l->held,
               (uintmax_t)l->counts[PLACE_BROKEN], (uintmax_t)l->damaged,
               (uintmax_t)l->owed, (uintmax_t)l->rcpts);
        return;
    }
    json_addnumber(&b, "todo", l->counts[PLACE_TODO]);
    json_addnumber(&b, "info", l->counts[PLACE_INFO]);
    json_addnumber(&b, "broken", l->counts[PLACE_BROKEN]);
    json_addnumber(&b, "held", l->held);
    json_addnumber(&b, "damaged", l->damaged);
    json_addnumber(&b, "recipients", l->rcpts);
    json_addnumber(&b, "owed", l->owed);
    printf("],\n%s}\n", b.data);
    buf_free(&b);
}

/* "<ann@example.org>" and "ann@example.org" are the same; "<>" is the null
 * sender. */
static struct view
address(const char *word)
{
    struct view v = view_of(word);

    if (v.len >= 2 && v.data[0] == '<' && v.data[v.len - 1] == '>')
        v = view_make(v.data + 1, v.len - 2);
    return v;
}

static bool
is_state(const char *word)
{
    return strcmp(word, "held") == 0 ||
           strcmp(word, place_name(PLACE_TODO)) == 0 ||
           strcmp(word, place_name(PLACE_INFO)) == 0 ||
           strcmp(word, place_name(PLACE_BROKEN)) == 0;
}

/* The option and its value; how many words that were, 0: neither. */
static int
option(struct list *l, const char *word, const char *value)
{
    if (strcmp(word, "--json") == 0) {
        l->json = true;
        return 1;
    }
    if (!value)
        return 0;
    if (strcmp(word, "--sender") == 0) {
        l->sender = address(value);
        l->by_sender = true;
    } else if (strcmp(word, "--recipient") == 0) {
        l->rcpt = address(value);
    } else if (strcmp(word, "--state") == 0 && is_state(value)) {
        l->state = value;
    } else if (strcmp(word, "--older") != 0 ||
               !view_number(view_of(value), UINT32_MAX, &l->older)) {
        return 0;
    }
    return 2;
}

int
list_main(int argc, char **argv)
{
    struct list l = {.now = (uint64_t)time(NULL)};
    int code, n;

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--check") == 0 ||
            strcmp(argv[i], "--repair") == 0)
            return repair_main(argc, argv);
    for (int i = 1; i < argc; i += n)
        if ((n = option(&l, argv[i], argv[i + 1])) == 0) {
            fprintf(stderr, "godwit queue: \"%s\" is no option, or its value "
                    "is wrong\n", argv[i]);
            return EXIT_USAGE;
        }
    if ((code = look_open(&l.look, "queue")) != 0)
        return code;
    if (l.json)
        fputs("{\"messages\":[", stdout);
    code = list(&l);
    if (code == 0)
        sum_up(&l);
    code = look_end(&l.look, code);
    look_close(&l.look);
    return code;
}
