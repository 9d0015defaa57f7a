/* Sites and the round, with messages that do nothing. */
#include "queue/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/attempt.h"
#include "queue/manager.h"
#include "queue/worker.h"
#include "tests/tap.h"

enum { DEADLINE = 60 };

static struct manager m;
static struct message message;
static unsigned waited, delivered;
static int null, far;

void
manager_wake(struct manager *manager)
{
    channel_run(&manager->remote);
}

bool
ledger_blocked(struct ledger *l)
{
    (void)l;
    return false;
}

bool
takeup_park(struct takeup *t, uint64_t id)
{
    (void)t;
    (void)id;
    return true;
}

void
takeup_unpark(struct takeup *t, uint64_t id)
{
    (void)t;
    (void)id;
}

bool
message_report(struct message *msg, const struct report *r)
{
    (void)msg;
    (void)r;
    return true;
}

/* A message that leaves memory wakes the manager. */
void
message_delivered(struct message *msg)
{
    delivered++;
    manager_wake(msg->manager);
}

void
message_waits(struct message *msg, const struct site *site,
              const uint32_t *rcpts, uint32_t count)
{
    (void)msg;
    (void)site;
    (void)rcpts;
    waited += count;
}

void
message_job(const struct message *msg, const struct delivery *d,
            struct job *job)
{
    (void)msg;
    memset(job, 0, sizeof *job);
    job->number = d->number;
    job->id = 1;
    job->site = view_of(d->site->name);
    job->rcpt_count = 1;
    job->rcpts[0].address = view_of("a@x.example");
}

int
message_fd(const struct message *msg)
{
    (void)msg;
    return null;
}

static unsigned
jobs(void)
{
    unsigned n = 0;
    struct buf b = {0};
    int fd;

    for (; job_recv(far, &b, &fd) > 0; n++) {
        file_close(&fd);
        buf_clear(&b);
    }
    buf_free(&b);
    return n;
}

static struct site *
two_wait(void)
{
    struct route route = {.channel = CHANNEL_REMOTE, .site = "x.example"};
    struct site *s = site_of(&m.remote, &route);

    channel_add(s, &message, &(uint32_t){0}, 1);
    channel_add(s, &message, &(uint32_t){1}, 1);
    return s;
}

static void
rates(void)
{
    static char *lines[] = {":1/h"};
    static unsigned numbers[] = {1};
    struct site *s;

    m.settings.siterate.items = lines;
    m.settings.siterate.lines = numbers;
    m.settings.siterate.count = 1;
    s = two_wait();
    channel_run(&m.remote);
    ok(jobs() == 1 && s->waiting == 1, "a rate of one an hour lets one go");
    channel_unpark(&m.remote);
    channel_run(&m.remote);
    ok(jobs() == 0 && s->waiting == 1, "and no other");
    m.settings.siterate.count = 0;
    channel_retry(&m.remote, 1000);
    channel_run(&m.remote);
    ok(jobs() == 1 && s->waiting == 0, "which goes when the rate is gone");
}

/* The worker's socket takes less than there is to send. */
static void
full(void)
{
    struct route route = {.channel = CHANNEL_REMOTE, .site = "y.example"};
    unsigned sent, all;
    struct site *s = site_of(&m.remote, &route);

    m.remote.limit = 10000;
    s->window = 10000;
    for (uint32_t i = 0; i < 5000; i++)
        channel_add(s, &message, &i, 1);
    channel_run(&m.remote);
    all = sent = jobs();
    ok(sent > 0 && sent < 5000 && s->waiting == 5000 - sent,
       "a full socket takes no more (%u)", sent);
    while (sent) {
        uv_run(m.loop, UV_RUN_NOWAIT);
        all += sent = jobs();
    }
    ok(all == 5000 && s->waiting == 0, "when it has room the rest follow");
    m.remote.limit = 100;
}

static void
narrower(void)
{
    struct site *s = m.remote.sites;

    m.remote.window_max = m.remote.window_quick = 3;
    channel_retry(&m.remote, 1000);
    ok(s->window == 3, "less at once for each site holds for those there are");
}

static void
wait_locally(const char *address, unsigned count)
{
    struct route route = {.channel = CHANNEL_LOCAL};
    struct site *s;

    snprintf(route.site, sizeof route.site, "%s", address);
    s = site_of(&m.local, &route);
    while (count--)
        channel_add(s, &message, &count, 1);
}

/* What is not taken in time shows in what is open. */
static void
report_all(void)
{
    time_t end = time(NULL) + DEADLINE;
    struct delivery *d, *tmp;

    HASH_ITER(hh, m.local.deliveries, d, tmp) {
        struct report r = {.number = d->number, .index = d->rcpts[0]};
        struct buf b = {0};

        outcome_set(&r.outcome, LATER, "4.0.0", "x");
        report_print(&b, &r);
        job_send(far, buf_view(&b), -1);
        buf_free(&b);
    }
    while (m.local.open && time(NULL) < end) {
        uv_run(m.loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 1);
    }
}

static void
limits(void)
{
    struct settings s = {.concurrencylocal = 3, .concurrencyremote = 70,
                         .concurrencysite = 4};
    struct channel c;

    channel_init(&c, &m, CHANNEL_LOCAL);
    channel_limit(&c, &s);
    ok(c.limit == 12 && c.window_max == 4 && c.window_quick == 6,
       "local has four jobs for each deliverer, half of them for one mailbox "
       "that is quick");
    channel_init(&c, &m, CHANNEL_REMOTE);
    channel_limit(&c, &s);
    ok(c.limit == 70 && c.window_max == 4 && c.window_quick == 4,
       "remote has what its settings say");
}

/* Three mailboxes on a disk that hangs, and another. */
static void
slow(void)
{
    uint64_t later = uv_now(m.loop) + JOB_SLOW * 1000;
    const struct site *hung;

    wait_locally("ann@x.example", 5);
    wait_locally("bob@x.example", 5);
    wait_locally("eve@x.example", 5);
    hung = m.local.sites;
    channel_run(&m.local);
    ok(jobs() == 9, "no more than its limit are handed out");
    wait_locally("fay@x.example", 9);
    channel_slow(&m.local, later - 1);
    channel_run(&m.local);
    ok(jobs() == 0 && m.local.slow == 0, "others wait for those");
    channel_slow(&m.local, later);
    channel_run(&m.local);
    ok(jobs() == 3 && m.local.slow == 9, "but not for long");
    ok(hung->window == 1 && site_crowded(hung),
       "and little more goes where it took long, or comes into memory");
    report_all();
    ok(m.local.open == 0 && m.local.slow == 0 && !site_crowded(hung),
       "what was slow is forgotten with its end");
    channel_run(&m.local);
    jobs();
    report_all();
}

static void
too_many_slow(void)
{
    char address[32];

    m.local.limit = 2;
    for (unsigned i = 0; i < 20; i++) {
        snprintf(address, sizeof address, "u%u@x.example", i);
        wait_locally(address, 1);
    }
    for (unsigned i = 0; i < 20; i++) {
        channel_slow(&m.local, uv_now(m.loop) + JOB_SLOW * 1000);
        channel_run(&m.local);
    }
    ok(jobs() == 2 + 2 * JOB_SLOW_FACTOR, "slow ones have their limit too");
}

static void
stopped(void)
{
    struct route route = {.channel = CHANNEL_REMOTE, .site = "y.example"};
    struct site *s = site_of(&m.remote, &route);
    unsigned sites = HASH_COUNT(m.remote.sites);

    m.remote.workers->blocked = true;
    channel_add(s, &message, &(uint32_t){0}, 1);
    m.stopping = true;
    delivered = waited = 0;
    channel_stop(&m.remote);
    ok(waited == 1 && delivered == 1, "a stop takes back what waits");
    ok(HASH_COUNT(m.remote.sites) == sites, "and no site goes under it");
    ok(jobs() == 0, "nor is another job handed out");
}

int
main(void)
{
    int ends[2], remote_far;

    m.loop = uv_default_loop();
    m.active_max = ACTIVE_MAX;
    message.manager = &m;
    null = open("/dev/null", O_RDONLY);
    if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
                               ends) < 0)
        return 111;
    far = ends[0];
    channel_init(&m.remote, &m, CHANNEL_REMOTE);
    m.remote.limit = 100;
    m.remote.window_max = m.remote.window_quick = 10;
    channel_worker(&m.remote, ends[1]);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) < 0)
        return 111;
    remote_far = far;
    far = ends[0];
    channel_init(&m.local, &m, CHANNEL_LOCAL);
    m.local.limit = 9;
    m.local.window_max = m.local.window_quick = 3;
    channel_worker(&m.local, ends[1]);
    limits();
    slow();
    too_many_slow();
    far = remote_far;
    rates();
    narrower();
    full();
    stopped();
    return tap_end();
}
