/* manager - schedules, hands out jobs, records, bounces: owns the spool
 *
 * Descriptors from start: 3 the channel to start (workers' sockets come, the
 * word that all is ready goes), 4 the spool's lock, 5 the listening
 * run/control. */
#include "queue/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
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
#include "base/mem.h"
#include "queue/attempt.h"
#include "queue/ending.h"
#include "queue/ledgerkey.h"
#include "queue/recover.h"
#include "queue/reload.h"

enum { FD_START = 3, FD_LOCK, FD_CONTROL };

enum {
    SPARE_FILES = 128,        /* besides those of messages in memory */
    GIVE_BACK = 512 << 10,    /* bytes that have become free */
    BIG = 128 << 10,          /* bytes from which on memory is mapped */
    WAVE = 500,               /* messages loaded between two ticks */
    TICK_MS = 1000,
    ANEW_MS = 15 * 60 * 1000, /* to a start that may read what this didn't */
    ANEW_ASKED_MS = 5000,     /* the same, when all is to be tried */
};

struct program {
    struct manager manager;
    struct conf_paths paths;
    uv_poll_t start;
    uv_signal_t term, hup, alarm;
    uv_timer_t tick;
    uv_idle_t turn;           /* manager_wake was called */
    struct reload reload;
    struct ending ending;
    uint64_t checkpoint_at, began;
    size_t unused;            /* bytes, when memory was given back last */
    unsigned loaded;          /* messages, until the last tick */
    bool wave;
};

static struct program *
program_of(struct manager *m)
{
    return (struct program *)m;
}

static void
on_turn(uv_idle_t *idle)
{
    struct program *p = idle->data;
    struct manager *m = &p->manager;

    uv_idle_stop(idle);
    takeup_run(&m->takeup);
    channel_run(&m->local);
    channel_run(&m->remote);
    ending_step(&p->ending);
}

void
manager_wake(struct manager *m)
{
    uv_idle_start(&program_of(m)->turn, on_turn);
}

static void
on_checkpoint(void *ending)
{
    ending_checkpointed(ending);
}

/* Messages that could not be put right at the start are by a next one. */
static void
begin_anew(struct program *p, uint64_t after_ms)
{
    struct manager *m = &p->manager;

    if (m->stopping || !m->takeup.skip_count ||
        uv_now(m->loop) - p->began < after_ms)
        return;
    log_event("stop why=\"%zu messages could not be put right at the "
              "start\" then=\"a new start\"", m->takeup.skip_count);
    ending_begin(&p->ending);
}

static void
on_term(uv_signal_t *s, int number)
{
    struct program *p = s->data;

    (void)number;
    ending_begin(&p->ending);
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
on_hup(uv_signal_t *sig, int number)
{
    struct program *p = sig->data;

    (void)number;
    reload_ask(&p->reload);
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

/* What a wave of mail took, when it has gone, and what became free since.  What
 * is free within pages in use, and what was given back already, counts as free
 * too. */
static void
give_back(struct program *p)
{
    size_t unused = mallinfo2().fordblks;
    unsigned loaded = p->manager.takeup.loaded;
    bool wave = loaded - p->loaded >= WAVE;
    bool gone = p->wave && !wave;

    p->loaded = loaded;
    p->wave = wave;
    if (wave)
        return;
    if (gone || unused > p->unused + GIVE_BACK)
        malloc_trim(0);
    else if (unused > p->unused)
        return;
    p->unused = unused;
}

static void
on_tick(uv_timer_t *t)
{
    struct program *p = t->data;
    uint64_t now = uv_now(p->manager.loop);

    give_back(p);
    ledger_flush(&p->manager.ledger);
    reload_tick(&p->reload);
    channel_unpark(&p->manager.local);
    channel_unpark(&p->manager.remote);
    manager_wake(&p->manager);
    begin_anew(p, ANEW_MS);
    if (now < p->checkpoint_at || p->manager.stopping)
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
        ending_begin(&p->ending);
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
    m->checkpoint.data = &p->ending;
    effects_init(&m->effects, m->loop, &m->store);
    channel_init(&m->local, m, CHANNEL_LOCAL);
    channel_init(&m->remote, m, CHANNEL_REMOTE);
    channel_limit(&m->local, &m->settings);
    channel_limit(&m->remote, &m->settings);
    signals(p);
    ending_init(&p->ending, m);
    p->tick.data = p->start.data = p->turn.data = p;
    uv_idle_init(m->loop, &p->turn);
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

/* As many messages in memory as there are descriptors for. */
static unsigned
messages_max(void)
{
    struct rlimit files, all;
    unsigned most = ACTIVE_MAX;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        log_die("fatal call=getrlimit why=%s", strerror(errno));
    all = (struct rlimit){files.rlim_max, files.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &all) == 0)
        files = all;
    if (files.rlim_cur < ACTIVE_MAX + SPARE_FILES) {
        most = files.rlim_cur < 2 * SPARE_FILES
                   ? (unsigned)files.rlim_cur / 2
                   : (unsigned)files.rlim_cur - SPARE_FILES;
        log_event("fewer-messages limit=%u files=%ju", most,
                  (uintmax_t)files.rlim_cur);
    }
    return most;
}

int
main(int argc, char **argv)
{
    static struct program p;
    unsigned char secret[LEDGERKEY_SECRET];
    struct buf why = {0};
    int r;

    (void)argv;
    if (argc != 1) {
        fprintf(stderr, "godwit-manager: run by godwit start\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    setenv("UV_THREADPOOL_SIZE", "16", 0);
    mem_share_arenas();
    /* What grows with the queue is mapped by itself: it grows without a copy,
     * and is given back when freed.  Else malloc maps ever less. */
    mallopt(M_MMAP_THRESHOLD, BIG);
    p.manager.active_max = messages_max();
    if (sodium_init() < 0)
        log_die("fatal why=\"libsodium does not start\"");
    p.manager.loop = uv_default_loop();
    conf_paths(&p.paths);
    p.manager.door = p.paths.run;
    if (reload_first(&p.reload, &p.manager, p.paths.control, secret, &why) < 0)
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
