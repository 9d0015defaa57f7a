/* Sites and the round, with messages that do nothing. */
#include "queue/channel.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/attempt.h"
#include "queue/manager.h"
#include "tests/tap.h"

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
    job->site = view_of(d->site->route.site);
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

static void
narrower(void)
{
    struct site *s = m.remote.sites;

    m.remote.window_max = 3;
    channel_retry(&m.remote, 1000);
    ok(s->window == 3, "less at once for each site holds for those there are");
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
    int ends[2];

    m.loop = uv_default_loop();
    message.manager = &m;
    null = open("/dev/null", O_RDONLY);
    if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
                               ends) < 0)
        return 111;
    far = ends[0];
    channel_init(&m.remote, &m, CHANNEL_REMOTE, 100, 10);
    channel_worker(&m.remote, ends[1]);
    rates();
    narrower();
    stopped();
    return tap_end();
}
