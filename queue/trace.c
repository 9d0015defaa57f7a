/* godwit trace: the lives of messages, found by id or address */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/line.h"
#include "base/mem.h"
#include "queue/commands.h"
#include "queue/history.h"

enum { EXIT_NOTHING = 1 };

struct trace {
    struct look look;
    bool json;
    uint64_t id;          /* 0: word is an address */
    struct view address;
    uint64_t *ids;        /* owned, ascending: whose lines are wanted */
    size_t count, room;
    uint64_t printed;
};

static void
add(struct trace *t, uint64_t id)
{
    /* A message's lines often follow each other. */
    if (t->count && t->ids[t->count - 1] == id)
        return;
    if (t->count == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->ids = mem_grow(t->ids, t->room * sizeof *t->ids);
    }
    t->ids[t->count++] = id;
}

static bool
is_address(struct view text, const char *key, struct view address)
{
    struct buf b = {0};
    bool yes = line_get(text, key, &b) &&
               view_equalcase(buf_view(&b), address);

    buf_free(&b);
    return yes;
}

static bool
collect(void *data, const struct ledger_line *l)
{
    struct trace *t = data;
    uint64_t id;

    if (!look_id(l->text, "id", &id))
        return true;
    if (is_address(l->text, "to", t->address) ||
        (ledger_is(l, "accept") && is_address(l->text, "from", t->address)))
        add(t, id);
    return true;
}

static int
ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static bool
wanted(const struct trace *t, struct view text)
{
    uint64_t id;

    if (t->id)
        return history_about(text, t->id);
    return look_id(text, "id", &id) &&
           bsearch(&id, t->ids, t->count, sizeof id, ascending);
}

static bool
print(void *data, const struct ledger_line *l)
{
    struct trace *t = data;
    struct buf b = {0};

    if (!wanted(t, l->text))
        return true;
    t->printed++;
    if (t->json)
        history_json(&b, l);
    else
        history_text(&b, l);
    fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
    return !ferror(stdout);
}

static int
run(struct trace *t, const char *word)
{
    int code = 0;

    t->address = view_of(word);
    if (t->address.len > 2 && *word == '<' &&
        word[t->address.len - 1] == '>')
        t->address = view_make(word + 1, t->address.len - 2);
    if (!id_parse(view_of(word), &t->id)) {
        t->id = 0;
        code = history_walk(&t->look, collect, t);
        if (t->count)
            qsort(t->ids, t->count, sizeof *t->ids, ascending);
    }
    if (code == 0 && (t->id || t->count))
        code = history_walk(&t->look, print, t);
    if (code)
        return code;
    if (t->printed == 0) {
        fprintf(stderr, "godwit trace: the ledger has nothing about %s\n",
                word);
        code = EXIT_NOTHING;
    }
    return look_end(&t->look, code);
}

int
trace_main(int argc, char **argv)
{
    struct trace t = {.json = false};
    const char *word = NULL;
    int code;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            t.json = true;
        else if (word || argv[i][0] == '-' || !argv[i][0])
            argc = 0;
        else
            word = argv[i];
    }
    if (!word || argc == 0) {
        fprintf(stderr, "godwit trace: one id or address, please\n");
        return EXIT_USAGE;
    }
    if ((code = look_open(&t.look, "trace")) != 0)
        return code;
    code = run(&t, word);
    free(t.ids);
    look_close(&t.look);
    return code;
}
