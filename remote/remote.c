/* remote.c - godwit-remote: takes jobs from the manager, sends them by SMTP
 *
 * Descriptor 3 is the manager's socket, 4 the end of a pipe that tells by
 * being closed that we are gone.  With arguments it is qmail-remote: see
 * byhand.h. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/jail.h"
#include "base/log.h"
#include "base/mem.h"
#include "remote/byhand.h"
#include "remote/channel.h"
#include "remote/deliveries.h"
#include "remote/dns.h"
#include "remote/mx.h"
#include "remote/sessions.h"
#include "remote/settings.h"

enum {
    MANAGER_FD = 3,
    LIFE_FD = 4,
    SPARE_FILES = 64, /* besides those of sessions and messages */
    WAVE = 32,        /* jobs, or jobs and sessions that remain */
    WAVE_MS = 1000,
};

struct remote {
    struct sessions sessions;
    struct channel channel;
    struct deliveries deliveries;
    struct dns dns;
    struct hosts hosts;
    struct mx_source mx;
    struct settings settings;
    uv_timer_t wave; /* since there were many jobs at a time */
};

static struct remote remote;

/* Each session has a socket, each at work a message too: as many sessions as
 * descriptors can be had for. */
static void
limit_files(struct sessions *s)
{
    const rlim_t more = SESSIONS_IDLE_PART;
    rlim_t want = (rlim_t)s->limit * (2 * more + 1) / more + SPARE_FILES;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        log_die("fatal call=getrlimit why=%s", strerror(errno));
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        log_die("fatal call=setrlimit why=%s", strerror(errno));
    if (files.rlim_cur >= want)
        return;
    if (files.rlim_cur < SPARE_FILES + 3)
        log_die("fatal files=%ju why=%s", (uintmax_t)files.rlim_cur,
                "too few descriptors");
    s->limit = (unsigned)((files.rlim_cur - SPARE_FILES) * more /
                          (2 * more + 1));
    log_event("fewer-sessions limit=%u files=%ju", s->limit,
              (uintmax_t)files.rlim_cur);
}

/* What a wave took is given back when it has gone, idle sessions too. */
static void
on_wave(uv_timer_t *t)
{
    struct remote *r = t->data;

    if (r->deliveries.count + r->sessions.count >= WAVE)
        return;
    uv_timer_stop(t);
    malloc_trim(0);
}

static void
on_job(struct channel *c, struct view bytes, int fd)
{
    struct remote *r = c->owner;

    delivery_start(&r->deliveries, bytes, fd);
    if (r->deliveries.count >= WAVE &&
        !uv_is_active((uv_handle_t *)&r->wave))
        uv_timer_start(&r->wave, on_wave, WAVE_MS, WAVE_MS);
    channel_pause(c, r->deliveries.count >= r->sessions.limit);
}

/* All that was asked for is answered, and the answers are out. */
static void
end_if_over(struct remote *r)
{
    if (!r->deliveries.stopping || r->deliveries.open > 0 ||
        !channel_flushed(&r->channel))
        return;
    channel_close(&r->channel);
    /* A lookup in flight would hold the loop; nobody waits for it. */
    if (r->deliveries.count > 0)
        uv_stop(r->sessions.loop);
}

static void
on_channel_end(struct channel *c)
{
    struct remote *r = c->owner;

    sessions_stop(&r->sessions);
    deliveries_stop(&r->deliveries);
}

static void
on_flushed(struct channel *c)
{
    end_if_over(c->owner);
}

static void
on_delivery_end(struct deliveries *d)
{
    struct remote *r = d->owner;

    channel_pause(&r->channel, d->count >= r->sessions.limit);
    end_if_over(r);
}

static void
start(struct remote *r, uv_loop_t *loop)
{
    const struct settings *settings = &r->settings;
    int e;

    sessions_init(&r->sessions, loop);
    uv_timer_init(loop, &r->wave);
    uv_unref((uv_handle_t *)&r->wave);
    r->wave.data = r;
    r->deliveries.sessions = &r->sessions;
    r->deliveries.channel = &r->channel;
    r->deliveries.mx = &r->mx;
    r->mx = (struct mx_source){&r->dns, &r->hosts,
                               {settings->me, settings->helo, NULL}};
    if ((e = dns_open(&r->dns, loop, &settings->resolver)) < 0)
        log_die("fatal setting=%s why=%s",
                e == -EBADMSG ? "trustanchor" : "resolver", strerror(-e));
    r->deliveries.on_end = on_delivery_end;
    r->channel.on_job = on_job;
    r->channel.on_end = on_channel_end;
    r->channel.on_flushed = on_flushed;
    r->deliveries.owner = r->channel.owner = r;
    if ((e = channel_open(&r->channel, loop, MANAGER_FD)) < 0)
        log_die("fatal descriptor=%d why=%s", MANAGER_FD, strerror(-e));
}

/* From here on: the network, as a client.  No program, no process, no socket
 * of this host's own, and no file but tokens. */
static void
close_in(const struct remote *r)
{
    bool tokens = r->sessions.token_folder >= 0;
    struct conf_paths paths;
    struct buf folder = {0};
    struct jail_path path;
    int e;

    conf_paths(&paths);
    buf_print(&folder, "%s/tokens", paths.control);
    path = (struct jail_path){folder.data, JAIL_READ};
    if ((e = jail_files(&path, tokens ? 1 : 0)) < 0)
        log_event("jail program=remote doing=files why=%s", strerror(-e));
    if ((e = jail_seal(JAIL_NOEXEC | JAIL_NOLISTDIR | JAIL_NOFORK |
                       JAIL_CLIENT | JAIL_NOCHANGE |
                       (tokens ? 0 : JAIL_NOFILES))) < 0)
        log_die("fatal doing=\"close remote in\" why=%s", strerror(-e));
    buf_free(&folder);
    conf_pathsfree(&paths);
}

int
main(int argc, char **argv)
{
    uv_loop_t *loop;

    if ((remote.settings.by_hand = argc > 1))
        remote.settings.unrouted = !byhand(argc, argv);
    loop = uv_default_loop();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_IGN); /* the manager's socket says when to end */
    fcntl(LIFE_FD, F_SETFD, FD_CLOEXEC);
    setenv("UV_THREADPOOL_SIZE", "32", 0);
    mem_share_arenas();
    if (sodium_init() < 0)
        log_die("fatal why=%s", "libsodium");
    settings_read(&remote.settings, &remote.sessions);
    limit_files(&remote.sessions);
    hosts_read(&remote.hosts, "/etc/hosts");
    start(&remote, loop);
    close_in(&remote);
    uv_run(loop, UV_RUN_DEFAULT);
    if (uv_loop_alive(loop))
        _exit(0);
    dns_close(&remote.dns);
    uv_close((uv_handle_t *)&remote.wave, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    settings_free(&remote.settings, &remote.sessions);
    hosts_free(&remote.hosts);
    return 0;
}
