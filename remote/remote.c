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
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/file.h"
#include "base/jail.h"
#include "base/log.h"
#include "base/mem.h"
#include "remote/byhand.h"
#include "remote/channel.h"
#include "remote/deliveries.h"
#include "remote/dns.h"
#include "remote/mx.h"
#include "remote/sessions.h"

enum {
    MANAGER_FD = 3,
    LIFE_FD = 4,
    SPARE_FILES = 64,       /* besides those of sessions and messages */
    WAIT_MAX = 24 * 60 * 60,
    SESSIONS_MAX = 100000,
    WAVE = 32,              /* jobs, or jobs and sessions that remain */
    WAVE_MS = 1000,
    HELO_MAX = 255,         /* RFC 5321 4.5.3.1.2 */
};

struct remote {
    struct sessions sessions;
    struct channel channel;
    struct deliveries deliveries;
    struct dns dns;
    struct hosts hosts;
    struct mx_source mx;
    struct dns_settings resolver;
    char *me, *helo;
    uv_timer_t wave;          /* since there were many jobs at a time */
    bool by_hand, unrouted;   /* unrouted: by hand, and no relay is used */
};

static struct remote remote;

static unsigned
number(int control, const char *name, unsigned fallback, unsigned max)
{
    uint64_t n;
    int r = conf_number(control, name, fallback, max, &n);

    if (r < 0)
        log_die("fatal setting=%s why=%s", name, strerror(-r));
    return (unsigned)n;
}

static char *
value(int control, const char *name)
{
    char *v;
    int r = conf_value(control, name, &v);

    if (r < 0)
        log_die("fatal setting=%s why=%s", name, strerror(-r));
    if (v && !*v) {
        free(v);
        v = NULL;
    }
    return v;
}

/* A file that cannot be reached is not taken for one that is not there. */
static bool
is_there(int control, const char *name)
{
    if (faccessat(control, name, F_OK, 0) == 0)
        return true;
    if (errno != ENOENT)
        log_die("fatal setting=%s why=%s", name, strerror(errno));
    return false;
}

/* The name stands in a command of ours. */
static void
check_helo(const char *name)
{
    struct view v = view_of(name);

    for (size_t i = 0; i < v.len; i++)
        if (v.data[i] <= ' ' || v.data[i] > '~')
            log_die("fatal setting=helohost value=%s why=%s", name,
                    "not a host name");
    if (v.len > HELO_MAX)
        log_die("fatal setting=helohost why=%s", "too long");
}

/* What proves answers of the DNS; the file is read by dns_open. */
static void
read_anchors(struct remote *r, int control)
{
    static const char file[] = "/usr/share/dns/root.key";
    struct dns_settings *dns = &r->resolver;
    int e = conf_list(control, "trustanchor", &dns->anchors);
    bool dane = tlspolicy_names(&r->sessions.policies, TLS_DANE) ||
                tlspolicy_names(&r->sessions.policies, TLS_DANE_ONLY);

    if (e < 0 && e != -ENOENT)
        log_die("fatal setting=trustanchor why=%s", strerror(-e));
    if (e == -ENOENT && dane && access(file, R_OK) == 0)
        dns->anchor_file = file;
    if (dane && !dns->anchor_file && dns->anchors.count == 0)
        log_die("fatal setting=trustanchor why=%s",
                "tlspolicy has dane, which needs an anchor: install "
                "dns-root-data, or write one");
}

/* No file may be opened later.  The operator's own files are looked at now,
 * so that he is told what is wrong; the system's wait for the first host with
 * STARTTLS: until then TLS takes no memory. */
static void
read_tls(struct remote *r, int control, const char *folder)
{
    struct conf_list *policies = &r->sessions.policies;
    bool own = is_there(control, "tlsca");
    struct buf ca = {0};
    size_t line;
    int e = conf_list(control, "tlspolicy", policies);

    if (e < 0 && e != -ENOENT)
        log_die("fatal setting=tlspolicy why=%s", strerror(-e));
    if (!tlspolicy_check(policies, &line))
        log_die("fatal setting=tlspolicy line=%zu why=%s", line,
                "not DOMAIN:POLICY with a policy known here");
    buf_print(&ca, "%s/tlsca", folder);
    if (!own && !r->by_hand && !is_there(control, "tlscert"))
        r->sessions.tls = tls_context_later();
    if (!r->sessions.tls)
        r->sessions.tls = tls_context_new(own ? ca.data : NULL);
    if (!r->sessions.tls)
        log_die("fatal setting=tlsca why=%s", "no certificates (PEM)");
    buf_free(&ca);
}

/* Who we are, for servers that ask. */
static void
read_certificate(struct remote *r, int control, const char *folder)
{
    struct buf certificate = {0}, key = {0};
    struct stat st;

    if (r->unrouted && faccessat(control, "tlskey", R_OK, AT_EACCESS) < 0 &&
        errno == EACCES)
        return; /* he who runs it is not who it is for */
    if (!is_there(control, "tlscert"))
        return;
    if (fstatat(control, "tlskey", &st, 0) < 0)
        log_die("fatal setting=tlskey why=%s", strerror(errno));
    if (st.st_mode & 077)
        log_die("fatal setting=tlskey why=%s",
                "others than its owner may read it: chmod 0400");
    buf_print(&certificate, "%s/tlscert", folder);
    buf_print(&key, "%s/tlskey", folder);
    if (!tls_context_show(r->sessions.tls, certificate.data, key.data))
        log_die("fatal setting=tlscert why=%s",
                "no certificate (PEM) that belongs to tlskey");
    buf_free(&certificate);
    buf_free(&key);
}

/* No line of it may come into a message: it holds secrets. */
static void
read_secrets(struct remote *r, int control)
{
    size_t line = 0;
    int e = auth_load(&r->sessions.secrets, control, &line);

    if (e == -EACCES && r->unrouted)
        e = 0; /* a secret is for relays */
    if (e == -EPERM)
        log_die("fatal setting=smtpauth why=%s",
                "others than its owner may read it: chmod 0400");
    if (e == -EBADMSG)
        log_die("fatal setting=smtpauth line=%zu why=%s", line,
                "not HOST:USER:SECRET or HOST:PORT:USER:SECRET");
    if (e < 0)
        log_die("fatal setting=smtpauth why=%s", strerror(-e));
    e = auth_load_tokens(&r->sessions.tokens, control, &line);
    if (e == -EBADMSG)
        log_die("fatal setting=smtptoken line=%zu why=%s", line,
                "not HOST:USER:FILE or HOST:PORT:USER:FILE");
    if (e < 0)
        log_die("fatal setting=smtptoken why=%s", strerror(-e));
    r->sessions.token_folder = -1;
    if (r->sessions.tokens.count > 0 &&
        (e = file_opendir(&r->sessions.token_folder, control, "tokens")) < 0 &&
        !(e == -EACCES && r->unrouted))
        log_die("fatal setting=smtptoken folder=tokens why=%s", strerror(-e));
}

static void
read_binds(struct remote *r, int control)
{
    struct conf_list list = {0};
    struct buf why = {0};
    int e = conf_list(control, "bindroutes", &list);

    if (e < 0 && e != -ENOENT)
        log_die("fatal setting=bindroutes why=%s", strerror(-e));
    if (bind_load(&r->sessions.binds, &list, &why) < 0)
        log_die("fatal setting=bindroutes why=%s", why.data);
    conf_listfree(&list);
    buf_free(&why);
}

static void
read_settings(struct remote *r)
{
    struct conf_paths paths;
    int control, e;

    conf_paths(&paths);
    if ((e = file_opendir(&control, AT_FDCWD, paths.control)) < 0)
        log_die("fatal folder=%s why=%s", paths.control, strerror(-e));
    if (!(r->me = value(control, "me")))
        log_die("fatal setting=me why=%s", "missing or empty");
    if (!(r->helo = value(control, "helohost")))
        r->helo = mem_string(r->me);
    check_helo(r->helo);
    r->sessions.helo = r->helo;
    read_binds(r, control);
    r->sessions.connect_wait = number(control, "timeoutconnect", 60, WAIT_MAX);
    r->sessions.answer_wait = number(control, "timeoutremote", 1200, WAIT_MAX);
    r->sessions.keep = number(control, "remotekeep", 5, WAIT_MAX);
    r->sessions.age = number(control, "remoteage", 600, WAIT_MAX);
    r->sessions.limit = number(control, "concurrencyremote", 2000,
                               SESSIONS_MAX);
    if (r->sessions.limit == 0)
        log_die("fatal setting=concurrencyremote why=%s", "zero");
    r->resolver.wait = number(control, "timeoutdns", 30, WAIT_MAX);
    e = conf_list(control, "resolver", &r->resolver.servers);
    if (e < 0 && e != -ENOENT)
        log_die("fatal setting=resolver why=%s", strerror(-e));
    read_tls(r, control, paths.control);
    read_certificate(r, control, paths.control);
    read_anchors(r, control);
    read_secrets(r, control);
    file_close(&control);
    conf_pathsfree(&paths);
}

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
    int e;

    sessions_init(&r->sessions, loop);
    uv_timer_init(loop, &r->wave);
    uv_unref((uv_handle_t *)&r->wave);
    r->wave.data = r;
    r->deliveries.sessions = &r->sessions;
    r->deliveries.channel = &r->channel;
    r->deliveries.mx = &r->mx;
    r->mx = (struct mx_source){&r->dns, &r->hosts, {r->me, r->helo, NULL}};
    if ((e = dns_open(&r->dns, loop, &r->resolver)) < 0)
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

    if ((remote.by_hand = argc > 1))
        remote.unrouted = !byhand(argc, argv);
    loop = uv_default_loop();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_IGN); /* the manager's socket says when to end */
    fcntl(LIFE_FD, F_SETFD, FD_CLOEXEC);
    setenv("UV_THREADPOOL_SIZE", "32", 0);
    mem_share_arenas();
    if (sodium_init() < 0)
        log_die("fatal why=%s", "libsodium");
    read_settings(&remote);
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
    tls_context_free(remote.sessions.tls);
    conf_listfree(&remote.sessions.policies);
    conf_listfree(&remote.sessions.secrets);
    conf_listfree(&remote.sessions.tokens);
    file_close(&remote.sessions.token_folder);
    conf_listfree(&remote.resolver.servers);
    conf_listfree(&remote.resolver.anchors);
    bind_free(&remote.sessions.binds);
    hosts_free(&remote.hosts);
    free(remote.helo);
    free(remote.me);
    return 0;
}
