#include "queue/retry.h"

#include "tests/tap.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static const time_t BIRTH = 1795000000;

enum { IDS = 50000, ATTEMPTS = 60 };

/* The least and the greatest gap seen after attempts failures. */
static void
range(unsigned attempts, time_t *least, time_t *most)
{
    *least = 1000 * DAY;
    *most = 0;
    for (uint64_t id = 1; id <= IDS; id++) {
        time_t gap = retry_next(id << 22, BIRTH, attempts) - BIRTH;

        *least = gap < *least ? gap : *least;
        *most = gap > *most ? gap : *most;
    }
}

static void
gaps_grow_to_a_cap(void)
{
    bool later = true, grows = true, jitter = true, spread = true;
    time_t before = 0, least = 0, most = 0;

    for (unsigned n = 1; n <= ATTEMPTS; n++) {
        range(n, &least, &most);
        later = later && least > 0;
        grows = grows && least >= before;
        jitter = jitter && most <= least + least / 8;
        spread = spread && most > least + least / 10;
        before = least;
    }
    ok(later, "the next attempt is always later than the last");
    ok(grows, "the gap never shrinks");
    ok(jitter, "the jitter is at most an eighth of the gap");
    ok(spread, "messages that failed together come back spread out");
    ok(least == 4 * HOUR, "the gap ends at four hours");
    ok(retry_next(1, BIRTH, 4000000000u) <= BIRTH + 4 * HOUR + HOUR / 2,
       "four thousand million failures are no trouble");
}

static void
first_hour(void)
{
    bool two = true, patient = true;

    for (uint64_t id = 1; id <= IDS; id++) {
        time_t at = BIRTH;
        unsigned within = 0;

        for (unsigned n = 1; at <= BIRTH + HOUR; n++) {
            within++;
            at = retry_next(id, at, n);
        }
        two = two && within >= 2;
        patient = patient && within <= 5;
    }
    ok(two, "two attempts in the first hour at least (RFC 5321 4.5.4.1)");
    ok(patient, "and five at most");
}

static void
five_days(void)
{
    bool few = true;

    for (uint64_t id = 1; id <= IDS; id++) {
        time_t at = BIRTH;
        unsigned n = 1;

        while (at <= BIRTH + 5 * DAY)
            at = retry_next(id, at, n++);
        few = few && n >= 30 && n <= 40;
    }
    ok(few, "five days hold thirty to forty attempts");
}

static void
same_answer(void)
{
    ok(retry_next(77, BIRTH, 3) == retry_next(77, BIRTH, 3),
       "the same question has the same answer");
    ok(retry_next(77, BIRTH, 0) == retry_next(77, BIRTH, 1),
       "no failure counts as one");
    ok(retry_next(77, BIRTH, 3) - BIRTH ==
           retry_next(77, BIRTH + DAY, 3) - BIRTH - DAY,
       "the gap doesn't depend on the moment");
}

static void
expiry(void)
{
    time_t life = 5 * DAY;

    ok(!retry_expired(BIRTH, BIRTH + 5 * DAY, life),
       "day five is still in time (RFC 5321 4.5.4.1)");
    ok(retry_expired(BIRTH, BIRTH + 5 * DAY + 1, life),
       "a second later is not");
    ok(!retry_expired(BIRTH, BIRTH - 1, life),
       "a clock set back expires nothing");
    ok(!retry_expired(BIRTH, BIRTH - 100 * DAY, 0),
       "not even with a lifetime of nothing");
    ok(retry_expired(BIRTH, BIRTH + 1, 0),
       "a lifetime of nothing ends after a second");
}

int
main(void)
{
    gaps_grow_to_a_cap();
    first_hour();
    five_days();
    same_answer();
    expiry();
    return tap_end();
}
