#include "queue/bouncing.h"

#include "queue/answers.h"
#include "queue/bounce.h"
#include "queue/failures.h"
#include "tests/queue/spool.h"

enum { WHEN = 1795384800 };

static struct store store;

/* The original, both recipients reported; the first is already bounced. */
static void
put_original(struct queued *q)
{
    struct sample sample = {.state = FAILED};
    struct failures f = {0};
    struct outcome o;
    const char *why;
    uint32_t first = 0;

    sample_put(&store, PLACE_INFO, &sample);
    spool_must(store_load(&store, PLACE_INFO, SAMPLE_ID, q, &why) == 0, why);
    outcome_set(&o, NEVER, "5.1.1", "no such user");
    failures_add(&f, 0, false, &o, "mx");
    failures_add(&f, 1, false, &o, "mx");
    spool_must(failures_write(&store, q, &f, WHEN * 1000ULL) == 0, "reports");
    failures_free(&f);
    q->states[0].state = BOUNCED;
    spool_must(store_mark(&store, q, &first, 1) == 0, "mark");
}

static void
put_bounce(uint64_t original, const uint32_t *rcpts, uint32_t count)
{
    static const char *const to[] = {"ann@example.org", NULL};
    struct buf answers = {0};
    struct sample sample = {
        .id = bounce_id(WHEN * 1000ULL, SAMPLE_ID, BOUNCE_FAILURE, 0),
        .rcpts = to,
    };

    answers_print(&answers, original, rcpts, count);
    sample.answers = answers.data;
    sample_put(&store, PLACE_TODO, &sample);
    buf_free(&answers);
}

/* The first recipient failed later than the second, whose bounce may be on
 * its way: the operator cancelled. */
static void
another_attempt(const struct settings *settings)
{
    static struct bouncing b;
    struct failures f = {0};
    struct outcome o;
    struct queued q;

    store_unlink(&store, PLACE_BOUNCE, SAMPLE_ID);
    put_original(&q);
    q.states[0].state = FAILED;
    outcome_set(&o, NEVER, "5.0.0", "cancelled");
    failures_add(&f, 0, false, &o, "");
    spool_must(failures_write(&store, &q, &f, WHEN * 1000ULL + 5) == 0,
               "report");
    failures_free(&f);
    bouncing_run(&b, &store, &q, settings, spool_path);
    ok(b.result == -EAGAIN && b.count == 1 && b.rcpts[0] == 0 &&
           b.id == bounce_id(WHEN * 1000ULL + 5, SAMPLE_ID, BOUNCE_FAILURE,
                             0),
       "who failed in another attempt has a bounce of his own");
    q.states[0].state = BOUNCED;
    bouncing_run(&b, &store, &q, settings, spool_path);
    ok(b.result == -EAGAIN && b.count == 1 && b.rcpts[0] == 1 &&
           b.id == bounce_id(WHEN * 1000ULL, SAMPLE_ID, BOUNCE_FAILURE, 1),
       "so that the others' is still the one that was asked for");
    queued_free(&q);
}

static void
settled_meanwhile(const struct settings *settings)
{
    static const uint32_t second[] = {1};
    static struct bouncing b;
    struct queued q;

    put_original(&q);
    q.states[1].state = BOUNCED;
    spool_must(store_mark(&store, &q, second, 1) == 0, "mark");
    q.states[1].state = FAILED;
    bouncing_run(&b, &store, &q, settings, spool_path);
    ok(b.result == -EAGAIN && strcmp(b.why, "settled meanwhile") == 0,
       "a bounce that has settled them and is gone is not made again");
    queued_free(&q);
}

int
main(void)
{
    static const uint32_t both[] = {0, 1};
    static struct settings settings = {
        .me = "me.example", .bouncefrom = "MAILER-DAEMON",
        .bouncehost = "me.example", .doublebounceto = "postmaster",
        .doublebouncehost = "me.example",
    };
    static struct bouncing b;
    struct queued q;

    spool_make(&store);
    put_original(&q);
    put_bounce(SAMPLE_ID, both, 2);
    bouncing_run(&b, &store, &q, &settings, spool_path);
    ok(b.result == 0 && b.count == 1 && b.rcpts[0] == 1 &&
           b.id == bounce_id(WHEN * 1000ULL, SAMPLE_ID, BOUNCE_FAILURE, 0),
       "of a bounce's lines a crash left the first: the others find it");
    put_bounce(SAMPLE_ID, both, 1);
    bouncing_run(&b, &store, &q, &settings, spool_path);
    ok(b.result == -EAGAIN && b.count == 1 &&
           b.id == bounce_id(WHEN * 1000ULL, SAMPLE_ID, BOUNCE_FAILURE, 1),
       "a bounce that answers others is not taken for theirs");
    put_bounce(SAMPLE_ID + 1, both, 2);
    bouncing_run(&b, &store, &q, &settings, spool_path);
    ok(b.result == -EAGAIN, "nor one that answers another message");
    store_unlink(&store, PLACE_TODO, b.id);
    queued_free(&q);
    another_attempt(&settings);
    settled_meanwhile(&settings);
    store_close(&store);
    return tap_end();
}
