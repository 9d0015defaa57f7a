/* manager - schedules, hands out jobs, records, bounces: owns the spool
 *
 * Descriptors from start: 3 the channel to start (workers' sockets come, the
 * word that all is ready goes), 4 the spool's lock, 5 the listening
 * run/control. */
#include "queue/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/jail.h"
#include "base/log.h"
#include "queue/attempt.h"
#include "queue/ledgerkey.h"
#include "queue/rate.h"
#include "queue/recover.h"

enum { FD_START = 3, FD_LOCK, FD_CONTROL };

enum {
    TICK_MS = 1000,
    ANEW_MS = 15 * 60 * 1000, /* to a start that may read what this didn't */
    ANEW_ASKED_MS = 5000,     /* the same, when all is to be tried */
    STOP_MS = 50 * 1000, /* less than start waits */
};

struct program {
    struct manager manager;
    struct conf_paths paths;
    uv_poll_t start;
    uv_signal_t term, hup, alarm;
    uv_timer_t tick, deadline;
    struct settings retired;  /* by a reload; a bounce may still read them */
    bool has_retired, asked;  /* asked: for another reload meanwhile */
    uint64_t checkpoint_at, began;
    struct ledger_wait stopped;
    enum { RUNNING, ENDING, RECORDING_STOP, CHECKPOINTING } phase;
};

static struct program *
program_of(struct manager *m)
{
    return (struct program *)m;
}

static void
end(struct program *p)
{
    uv_stop(p->manager.loop);
}

static void
on_stop_recorded(struct ledger_wait *w)
{
    struct program *p = (struct program *)((char *)w -
                                           offsetof(struct program, stopped));

    p->phase = CHECKPOINTING;
    if (!checkpoint_begin(&p->manager.checkpoint))
        end(p);
}

/* The last steps, each when nothing is left of the one before: deliveries,
 * their records and effects, the word "stop", a checkpoint. */
static void
try_end(struct program *p)
{
    struct manager *m = &p->manager;

    if (p->phase != ENDING || m->active_count || !channel_idle(&m->local) ||
        !channel_idle(&m->remote) || !effects_idle(&m->effects) ||
        !takeup_idle(&m->takeup) || !checkpoint_idle(&m->checkpoint))
        return;
    p->phase = RECORDING_STOP;
    ledger_line(&m->ledger, NULL, "stop");
    ledger_wait(&m->ledger, &p->stopped, on_stop_recorded);
}

void
manager_wake(struct manager *m)
{
    takeup_run(&m->takeup);
    channel_run(&m->local);
    channel_run(&m->remote);
    try_end(program_of(m));
}

static void
on_checkpoint(void *data)
{
    struct program *p = data;

    if (p->phase == CHECKPOINTING)
        end(p);
    else
        try_end(p);
}

static void
on_deadline(uv_timer_t *t)
{
    struct program *p = t->data;

    log_event("stop active=%u why=\"not all ended in time; they go on after "
              "the next start\"", p->manager.active_count);
    /* Not exit: a pool thread may be the one that doesn't end. */
    _exit(111);
}

static void
stop(struct program *p)
{
    struct manager *m = &p->manager;
    struct message *msg, *tmp;

    if (p->phase != RUNNING)
        return;
    p->phase = ENDING;
    m->stopping = true;
    uv_timer_start(&p->deadline, on_deadline, STOP_MS, 0);
    channel_stop(&m->local);
    channel_stop(&m->remote);
    message_nobounces(m);
    HASH_ITER(hh, m->active, msg, tmp) {
        message_step(msg);
    }
    try_end(p);
}

/* Messages that could not be put right at the start are by a next one. */
static void
begin_anew(struct program *p, uint64_t after_ms)
{
    struct manager *m = &p->manager;

    if (p->phase != RUNNING || !m->takeup.skip_count ||
        uv_now(m->loop) - p->began < after_ms)
        return;
    log_event("stop why=\"%zu messages could not be put right at the "
              "start\" then=\"a new start\"", m->takeup.skip_count);
    stop(p);
}

static void
on_term(uv_signal_t *s, int number)
{
    (void)number;
    stop(s->data);
}

static void
on_alarm(uv_signal_t *s, int number)
{
    struct program *p = s->data;

    (void)number;
    takeup_all(&p->manager.takeup);
    begin_anew(p, ANEW_ASKED_MS);
}

static void
ways_free(struct ways *w)
{
    route_free(&w->routes);
    bind_free(&w->binds);
}

static int
read_settings(struct program *p, struct settings *s, struct ways *ways,
              unsigned char *secret, struct buf *why)
{
    int dir, r;

    if ((r = file_opendir(&dir, AT_FDCWD, p->paths.control)) < 0) {
        buf_print(why, "%s: %s", p->paths.control, strerror(-r));
        return r;
    }
    if ((r = settings_read(s, dir, why)) == 0)
        r = route_load(&ways->routes, &s->locals, &s->smtproutes, s->me, why);
    if (r == 0)
        r = bind_load(&ways->binds, &s->bindroutes, why);
    if (r == 0)
        r = rate_check(&s->siterate, why);
    if (r == 0 && secret)
        r = ledgerkey_read(dir, secret, why);
    file_close(&dir);
    return r;
}

/* Bounces being made read the settings in the pool. */
static void
drop_retired(struct program *p)
{
    if (!p->has_retired || p->manager.bouncing)
        return;
    settings_free(&p->retired);
    p->has_retired = false;
}

static void
set_limits(struct manager *m)
{
    m->local.limit = (unsigned)m->settings.concurrencylocal;
    m->remote.limit = (unsigned)m->settings.concurrencyremote;
    m->local.window_max = m->remote.window_max =
        m->settings.concurrencysite ? (unsigned)m->settings.concurrencysite
                                    : 1;
}

static void
reload(struct program *p)
{
    struct settings s = {0};
    struct ways ways = {0};
    struct buf why = {0};

    drop_retired(p);
    p->asked = p->has_retired;
    if (p->has_retired) {
        log_event("reload why=\"the last one is not over\" then=\"as soon "
                  "as it is\"");
    } else if (read_settings(p, &s, &ways, NULL, &why) < 0) {
        log_event("reload why=%s then=\"the old settings stay\"",
                  why.data ? why.data : "");
        settings_free(&s);
        ways_free(&ways);
    } else {
        p->retired = p->manager.settings;
        p->has_retired = true;
        ways_free(&p->manager.ways);
        p->manager.settings = s;
        p->manager.ways = ways;
        set_limits(&p->manager);
        channel_retry(&p->manager.local, (time_t)s.queuelifetime);
        channel_retry(&p->manager.remote, (time_t)s.queuelifetime);
        drop_retired(p);
        log_event("reload program=manager");
    }
    buf_free(&why);
}

static void
on_hup(uv_signal_t *sig, int number)
{
    (void)number;
    reload(sig->data);
}

static void
on_recovered(void *data)
{
    struct manager *m = data;
    struct message *msg, *tmp;

    HASH_ITER(hh, m->active, msg, tmp) {
        message_step(msg);
    }
    manager_wake(m);
}

static void
on_tick(uv_timer_t *t)
{
    struct program *p = t->data;
    uint64_t now = uv_now(p->manager.loop);

    ledger_flush(&p->manager.ledger);
    drop_retired(p);
    if (p->asked && !p->has_retired)
        reload(p);
    channel_unpark(&p->manager.local);
    channel_unpark(&p->manager.remote);
    manager_wake(&p->manager);
    begin_anew(p, ANEW_MS);
    if (now < p->checkpoint_at || p->phase != RUNNING)
        return;
    p->checkpoint_at = now + p->manager.settings.checkpointevery * 1000;
    checkpoint_begin(&p->manager.checkpoint);
    channel_sweep(&p->manager.local);
    channel_sweep(&p->manager.remote);
}

/* Workers' sockets come from start; its end is ours. */
static void
on_start(uv_poll_t *poll, int status, int events)
{
    struct program *p = poll->data;
    struct buf b = {0};
    ssize_t n;
    int fd;

    (void)status;
    (void)events;
    n = job_recv(FD_START, &b, &fd);
    if (n == 0 || (n < 0 && n != -EAGAIN && n != -EBADMSG)) {
        log_event("stop why=\"start has ended\"");
        uv_poll_stop(poll);
        stop(p);
    } else if (n > 0 && fd >= 0 && view_is(buf_view(&b), "remote")) {
        channel_worker(&p->manager.remote, fd);
    } else if (n > 0 && fd >= 0 && view_is(buf_view(&b), "local")) {
        channel_worker(&p->manager.local, fd);
    } else {
        file_close(&fd);
    }
    buf_free(&b);
}

static unsigned
outcomes_open(void *data)
{
    const struct manager *m = data;

    return m->local.open + m->remote.open;
}

static void
open_ledger(struct program *p, struct recovered *rec,
            const unsigned char *secret)
{
    struct manager *m = &p->manager;
    id_text id;
    int r;

    ledger_init(&m->ledger, m->loop, m->store.ledger,
                m->settings.ledgersegment, secret);
    if ((r = segment_spare(m->store.ledger, m->settings.ledgersegment)) < 0)
        log_event("ledger doing=spare why=%s", strerror(-r));
    if ((r = ledger_goon(&m->ledger, rec->base, rec->position, &rec->chain,
                         rec->fresh)) < 0)
        log_die("fatal doing=\"open the ledger\" why=%s", strerror(-r));
    m->ledger.recovered = on_recovered;
    m->ledger.expect = outcomes_open;
    m->ledger.data = m;
    if (rec->gap)
        ledger_line(&m->ledger, NULL, "gap aside=%s why=\"the ledger did not "
                    "verify\"", rec->aside);
    ledger_line(&m->ledger, NULL, "start me=%s applied=%ju", m->settings.me,
                (uintmax_t)rec->lines);
    for (size_t i = 0; i < rec->twice_count; i++)
        ledger_line(&m->ledger, NULL, "broken id=%s from=todo why=\"two "
                    "files of one name\"", id_print(rec->twice[i], id));
    ledger_flush(&m->ledger);
}

static void
signals(struct program *p)
{
    uv_loop_t *loop = p->manager.loop;

    p->term.data = p->hup.data = p->alarm.data = p;
    uv_signal_init(loop, &p->term);
    uv_signal_start(&p->term, on_term, SIGTERM);
    uv_signal_init(loop, &p->hup);
    uv_signal_start(&p->hup, on_hup, SIGHUP);
    uv_signal_init(loop, &p->alarm);
    uv_signal_start(&p->alarm, on_alarm, SIGALRM);
}

/* From here on: the spool, the settings, no network, no other program. */
static void
close_in(const struct program *p)
{
    struct jail_path paths[] = {
        {p->paths.queue, JAIL_READ | JAIL_WRITE | JAIL_LIST | JAIL_CREATE},
        {p->paths.control, JAIL_READ | JAIL_LIST},
    };
    int r = jail_files(paths, sizeof paths / sizeof *paths);

    if (r < 0)
        log_event("jail program=manager doing=files why=%s", strerror(-r));
    if ((r = jail_seal(JAIL_NOEXEC | JAIL_NONETWORK)) < 0)
        log_die("fatal doing=\"close the manager in\" why=%s",
                strerror(-r));
}

static void
begin(struct program *p, unsigned char *secret)
{
    struct manager *m = &p->manager;
    struct recovered rec;
    const char *why;
    int r;

    if ((r = recover(&rec, &m->store, &why)) < 0)
        log_die("fatal doing=%s why=%s", why, strerror(-r));
    open_ledger(p, &rec, secret);
    sodium_memzero(secret, LEDGERKEY_SECRET);
    checkpoint_init(&m->checkpoint, &m->ledger, &m->store);
    for (size_t i = 0; i < rec.marked_count; i++)
        checkpoint_marked(&m->checkpoint, rec.marked[i]);
    /* What could not be applied must be read again by the next start. */
    m->checkpoint.failed = rec.unread_count != 0;
    m->checkpoint.idle = on_checkpoint;
    m->checkpoint.data = p;
    effects_init(&m->effects, m->loop, &m->store);
    channel_init(&m->local, m, CHANNEL_LOCAL,
                 (unsigned)m->settings.concurrencylocal,
                 (unsigned)m->settings.concurrencysite);
    channel_init(&m->remote, m, CHANNEL_REMOTE,
                 (unsigned)m->settings.concurrencyremote,
                 (unsigned)m->settings.concurrencysite);
    signals(p);
    p->tick.data = p->deadline.data = p->start.data = p;
    uv_timer_init(m->loop, &p->deadline);
    uv_timer_init(m->loop, &p->tick);
    uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
    p->began = uv_now(m->loop);
    p->checkpoint_at = uv_now(m->loop) + m->settings.checkpointevery * 1000;
    if ((r = takeup_init(&m->takeup, m)) < 0)
        log_die("fatal file=%s/trigger why=%s", p->paths.queue, strerror(-r));
    m->takeup.skip = rec.unread;
    m->takeup.skip_count = rec.unread_count;
    rec.unread = NULL;
    recovered_free(&rec);
    if ((r = uv_poll_init(m->loop, &p->start, FD_START)) < 0)
        log_die("fatal doing=\"watch start\" why=%s", strerror(-r));
    uv_poll_start(&p->start, UV_READABLE, on_start);
    if ((r = control_listen(&m->control, m, FD_CONTROL)) < 0)
        log_event("control why=%s", strerror(-r));
    job_send(FD_START, view_of("ready"), -1);
}

int
main(int argc, char **argv)
{
    static struct program p;
    unsigned char secret[LEDGERKEY_SECRET];
    struct buf why = {0};
    struct rlimit files;
    int r;

    (void)argv;
    if (argc != 1) {
        fprintf(stderr, "godwit-manager: run by godwit start\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    setenv("UV_THREADPOOL_SIZE", "16", 0);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (sodium_init() < 0)
        log_die("fatal why=\"libsodium does not start\"");
    p.manager.loop = uv_default_loop();
    conf_paths(&p.paths);
    p.manager.door = p.paths.run;
    if (read_settings(&p, &p.manager.settings, &p.manager.ways, secret,
                      &why) < 0)
        log_die("fatal why=%s", why.data ? why.data : "settings");
    buf_free(&why);
    if ((r = store_open(&p.manager.store, p.paths.queue)) < 0)
        log_die("fatal file=%s why=%s", p.paths.queue, strerror(-r));
    close_in(&p);
    begin(&p, secret);
    uv_run(p.manager.loop, UV_RUN_DEFAULT);
    log_event("stopped program=manager");
    return 0;
}
