/* micro_ledger - `deliver` lines into a ledger, 64 to a write
 *
 * usage: micro_ledger N
 * The ledger itself, with its pool: ledger_line, the chain of hashes, the
 * write, and what a sync needs around it.  The clock is this program's own,
 * 50 microseconds on at each look: under callgrind the true one would make a
 * stamp of its own for every few lines. */
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/id.h"
#include "queue/ledger.h"
#include "tests/bench/micro.h"

enum { COUNT_MAX = 1000000, GROUP = 64, SEGMENT = 16 << 20 };

int
clock_gettime(clockid_t clock, struct timespec *now)
{
    static struct timespec at = {1800000000, 0};

    (void)clock;
    at.tv_nsec += 50000;
    if (at.tv_nsec >= 1000000000)
        at = (struct timespec){at.tv_sec + 1, 0};
    *now = at;
    return 0;
}

/* As message_recordoutcome does. */
static void
deliver(struct ledger *l, uint64_t *where, uint64_t number)
{
    struct view to = view_of("somebody@domain1234.test");
    id_text id;

    id_print(id_make(date_now(), (uint32_t)number), id);
    ledger_line(l, where,
                "%s id=%s rcpt=%u to=%.*s host=%s code=%s attempt=%u age=%ju "
                "why=%s", "deliver", id, 0u, (int)to.len, to.data,
                "mx1.domain1234.test[192.0.2.123]", "2.0.0", 1u,
                (uintmax_t)number, "250 2.0.0 Ok: queued as 4T0x2g3Kq9z12");
}

static void
on_synced(struct ledger_wait *w)
{
    w->seq = 0;
}

int
main(int argc, char **argv)
{
    unsigned n = micro_number(argc, argv, 1, COUNT_MAX);
    unsigned char public[32], secret[64];
    uint64_t where[GROUP], last = 0;
    struct chain start = {{0}};
    struct ledger_wait wait;
    struct ledger l;
    uv_loop_t loop;
    int dir = open(".", O_RDONLY | O_DIRECTORY);

    setenv("UV_THREADPOOL_SIZE", "1", 1);
    micro_must(dir >= 0 && sodium_init() >= 0, "open");
    uv_loop_init(&loop);
    crypto_sign_keypair(public, secret);
    ledger_init(&l, &loop, dir, SEGMENT, secret);
    micro_must(ledger_goon(&l, 0, 0, &start, true) == 0, "ledger_goon");
    for (unsigned done = 0; done < n;) {
        unsigned i;

        for (i = 0; i < GROUP && done < n; i++, done++)
            deliver(&l, &where[i], done);
        ledger_wait(&l, &wait, on_synced);
        uv_run(&loop, UV_RUN_DEFAULT);
        micro_must(wait.seq == 0 && where[i - 1] > last, "not synced");
        last = where[i - 1];
    }
    ledger_close(&l);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) < 0;
}
