#include "queue/answers.h"

#include "tests/queue/spool.h"

static struct store store;

static void
text(void)
{
    static const uint32_t rcpts[] = {0, 7, 4294967295};
    struct buf b = {0};
    struct view rest;
    uint32_t got[4], n = 0;

    answers_print(&b, SAMPLE_ID, rcpts, 3);
    ok(answers_id(buf_view(&b)) == SAMPLE_ID, "it names the message");
    rest = buf_view(&b);
    while (n < 4 && answers_next(&rest, &got[n]))
        n++;
    ok(n == 3 && got[0] == 0 && got[1] == 7 && got[2] == 4294967295,
       "and its recipients, in order");
    buf_free(&b);
}

static void
nonsense(void)
{
    static const char *const bad[] = {
        "", ":", "1", "0000000000000:1", "04HMASR9NF6YX", "04HMASR9NF6Y:1",
        "04HMASR9NF6YXX:1", "ZZZZZZZZZZZZZ:1", " 04HMASR9NF6Y:1",
    };
    static const char *const none[] = {
        "04HMASR9NF6YX:", "04HMASR9NF6YX:x", "04HMASR9NF6YX:-1",
        "04HMASR9NF6YX:4294967296", "04HMASR9NF6YX: 1", "04HMASR9NF6YX:,1",
        "04HMASR9NF6YX:99999999999999999999",
    };
    unsigned taken = 0;
    uint32_t index;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        taken += answers_id(view_of(bad[i])) != 0;
    ok(taken == 0, "what is none of ours names no message");
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct view rest = view_of(none[i]);

        taken += answers_next(&rest, &index);
    }
    ok(taken == 0, "what is no number names no recipient");
}

static enum rcpt_state
state_of(enum place place, uint32_t index, uint64_t *position)
{
    struct queued q;
    const char *why;
    enum rcpt_state state;

    spool_must(store_load(&store, place, SAMPLE_ID, &q, &why) == 0, "load");
    state = q.states[index].state;
    *position = q.states[index].position;
    queued_free(&q);
    return state;
}

static int
mark(const char *indexes, uint64_t position)
{
    struct buf b = {0};
    id_text id;
    int r;

    buf_print(&b, "%s:%s", id_print(SAMPLE_ID, id), indexes);
    r = answers_mark(&store, buf_view(&b), position);
    buf_free(&b);
    return r;
}

static void
marks(enum place place)
{
    struct sample s = {.content = view_of("x"), .state = FAILED};
    uint64_t at;

    sample_put(&store, place, &s);
    ok(mark("1", 4711) == 0 && state_of(place, 1, &at) == BOUNCED &&
       at == 4711, "%s: a recipient that failed is settled",
       place_name(place));
    ok(state_of(place, 0, &at) == FAILED, "the other is not");
    ok(mark("1", 9999) == 0 && state_of(place, 1, &at) == BOUNCED &&
       at == 4711, "once is enough");
    ok(mark("2,3,4294967295", 1) == 0, "recipients that are none are nobody");
    ok(mark("0,1", 5) == 0 && state_of(place, 0, &at) == BOUNCED && at == 5,
       "then the other");
    store_unlink(&store, place, SAMPLE_ID);
}

static void
only_failed(void)
{
    static const enum rcpt_state states[] = {OWED, DELIVERED};

    for (size_t i = 0; i < 2; i++) {
        struct sample s = {.content = view_of("x"), .state = states[i]};
        uint64_t at;

        sample_put(&store, PLACE_INFO, &s);
        ok(mark("0,1", 7) == 0 && state_of(PLACE_INFO, 0, &at) == states[i],
           "who is '%c' stays so, whatever a bounce says", states[i]);
    }
    store_unlink(&store, PLACE_INFO, SAMPLE_ID);
}

static void
not_there(void)
{
    id_text name;
    int saved = store.dirs[PLACE_INFO];

    ok(mark("0", 7) == 0, "an original that is gone is no error");
    spool_put(store.dirs[PLACE_INFO], id_print(SAMPLE_ID, name),
              view_of("damaged"));
    ok(mark("0", 7) == 0, "nor is a damaged one");
    store.dirs[PLACE_INFO] = -1;
    ok(mark("0", 7) == -EBADF, "an errno is");
    store.dirs[PLACE_INFO] = saved;
}

int
main(void)
{
    spool_make(&store);
    text();
    nonsense();
    marks(PLACE_INFO);
    marks(PLACE_TODO);
    only_failed();
    not_there();
    store_close(&store);
    return tap_end();
}
