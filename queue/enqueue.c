/* enqueue - puts messages into todo/: the only writer of new messages
 *
 * Descriptors from start: 3 the listening run/submit, 4 the listening
 * run/door, 5 todo/ opened for its sync, 6 a pipe that ends with start, 7
 * the spool's lock, which is held until the last request has ended.
 * With --direct, for root and the spool's user while nothing serves the
 * socket: 3 is one caller, the rest is opened here. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/file.h"
#include "base/filesystem.h"
#include "base/id.h"
#include "base/jail.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/door.h"
#include "queue/submission.h"
#include "queue/users.h"

enum { FD_SUBMIT = 3, FD_DOOR, FD_TODO, FD_LIFE };

struct program {
    struct enqueue enqueue;
    struct door direct_door;
    uv_signal_t term;
    uv_poll_t life;
    uv_signal_t hup;
    struct conf_paths paths;
};

static bool
given(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < settings_count; i++)
        if (strcmp(settings_table[i].name, name) == 0)
            return settings_given(s, &settings_table[i]);
    return false;
}

static void
read_access(struct enqueue *e)
{
    struct settings *s = &e->settings;
    struct buf why = {0};
    struct view all, line;
    int r = access_load(&e->access, given(s, "submitsenders")
                                        ? &s->submitsenders : NULL,
                        &s->submitlimit, users_find, &why);

    if (r < 0)
        log_die("fatal why=%s", why.data);
    all = buf_view(&why);
    while (view_line(&all, &line))
        log_event("ignore program=enqueue why=%.*s", (int)line.len, line.data);
    buf_free(&why);
}

static void
read_settings(struct program *p)
{
    struct buf why = {0};
    int dir, r;

    if ((r = file_opendir(&dir, AT_FDCWD, p->paths.control)) < 0)
        log_die("fatal file=%s why=%s", p->paths.control, strerror(-r));
    if (settings_read(&p->enqueue.settings, dir, &why) < 0)
        log_die("fatal why=%s", why.data ? why.data : "settings");
    read_access(&p->enqueue);
    buf_free(&why);
    file_close(&dir);
}

/* todo/ may be writable but not readable for us (root instance). */
static void
open_todo(struct program *p, int fd)
{
    struct todo *t = &p->enqueue.todo;
    struct stat st;
    int probe, r;

    if ((r = file_opendir(&p->enqueue.queuedir, AT_FDCWD,
                          p->paths.queue)) < 0)
        log_die("fatal file=%s why=%s", p->paths.queue, strerror(-r));
    t->dir = fd;
    t->list = true;
    if (fd < 0 && (r = file_opendir(&t->dir, p->enqueue.queuedir, "todo")) ==
                      -EACCES) {
        t->list = false;
        t->dir = openat(p->enqueue.queuedir, "todo",
                        O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (t->dir < 0)
        log_die("fatal file=%s/todo why=%s", p->paths.queue, strerror(errno));
    p->enqueue.owner = fstat(t->dir, &st) < 0 ? geteuid() : st.st_uid;
    t->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    probe = openat(t->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0660);
    t->dots = t->proc < 0 || (probe < 0 && (errno == EOPNOTSUPP ||
                                            errno == EISDIR)) ||
              filesystem_forgets(t->dir) != 0;
    t->orders = filesystem_orders(t->dir);
    file_close(&probe);
}

/* Root becomes the user who may only create in todo/, for good. */
static void
drop_root(struct program *p)
{
    struct stat st;
    struct passwd *pw;

    if (geteuid() != 0 || fstat(p->enqueue.todo.dir, &st) < 0)
        return;
    if (st.st_uid == 0)
        log_die("fatal file=%s/todo why=\"belongs to root; run godwit "
                "init\"", p->paths.queue);
    pw = getpwnam("godwitq");
    /* In an instance that an ordinary user made, that user. */
    if (!pw || (st.st_mode & 07777) == 0700) {
        if (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid,
                                                st.st_gid) < 0 ||
            setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
            log_die("fatal why=\"cannot become the owner of todo/\"");
    } else if (setgroups(1, &st.st_gid) < 0 ||
               setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
               setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0) {
        log_die("fatal why=\"cannot become godwitq\"");
    }
}

/* From here on: new files below the spool, no names listed, no network. */
static void
close_in(const struct program *p)
{
    struct jail_path path = {p->paths.queue,
                             JAIL_READ | JAIL_WRITE | JAIL_CREATE};
    int r = jail_files(&path, 1);

    if (r < 0)
        log_event("jail program=enqueue doing=files why=%s", strerror(-r));
    if ((r = jail_seal(JAIL_NOEXEC | JAIL_NOLISTDIR | JAIL_NONETWORK)) < 0)
        log_die("fatal doing=\"close enqueue in\" why=%s", strerror(-r));
}

static void
on_term(uv_signal_t *s, int number)
{
    struct program *p = s->data;

    (void)number;
    door_stop(&p->enqueue);
}

static void
on_life(uv_poll_t *poll, int status, int events)
{
    struct program *p = poll->data;
    char byte;

    (void)status;
    (void)events;
    if (read(FD_LIFE, &byte, 1) > 0)
        return;
    uv_poll_stop(poll);
    door_stop(&p->enqueue);
}

static void
on_hup(uv_signal_t *s, int number)
{
    (void)s;
    (void)number;
    log_event("reload program=enqueue why=\"settings are read at start; "
              "restart to change them\"");
}

static void
serve(struct program *p)
{
    uv_loop_t *loop = p->enqueue.loop;
    int r;

    if ((r = door_listen(&p->enqueue.public_door, &p->enqueue, DOOR_PUBLIC,
                         FD_SUBMIT)) < 0 ||
        (r = door_listen(&p->enqueue.manager_door, &p->enqueue, DOOR_MANAGER,
                         FD_DOOR)) < 0)
        log_die("fatal why=%s doing=\"serve the submit sockets\"",
                strerror(-r));
    hint_look(&p->enqueue.hint);
    p->term.data = p->life.data = p->hup.data = p;
    uv_signal_init(loop, &p->term);
    uv_signal_start(&p->term, on_term, SIGTERM);
    uv_unref((uv_handle_t *)&p->term);
    uv_signal_init(loop, &p->hup);
    uv_signal_start(&p->hup, on_hup, SIGHUP);
    uv_unref((uv_handle_t *)&p->hup);
    if (uv_poll_init(loop, &p->life, FD_LIFE) == 0) {
        uv_poll_start(&p->life, UV_READABLE, on_life);
        uv_unref((uv_handle_t *)&p->life);
    }
}

int
main(int argc, char **argv)
{
    static struct program p;
    bool whole;
    struct rlimit files;
    bool direct = argc == 2 && strcmp(argv[1], "--direct") == 0;
    int r;

    if (argc != 1 && !direct) {
        fprintf(stderr, "godwit-enqueue: run by godwit start, or by the "
                "commands with --direct\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    umask(007);
    /* One for each job that gather.h lets be; one caller has one. */
    _Static_assert(GATHER_JOBS == 8, "threads");
    setenv("UV_THREADPOOL_SIZE", direct ? "1" : "8", 0);
    mem_share_arenas();
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    p.enqueue.loop = uv_default_loop();
    conf_paths(&p.paths);
    read_settings(&p);
    open_todo(&p, direct ? -1 : FD_TODO);
    if (direct)
        drop_root(&p);
    if (sodium_init() < 0)
        log_die("fatal why=\"libsodium does not start\"");
    close_in(&p);
    whole = !p.enqueue.todo.list;
    commit_init(&p.enqueue.commit,
                whole ? p.enqueue.queuedir : p.enqueue.todo.dir, whole,
                p.enqueue.todo.orders);
    gather_init(&p.enqueue.gather, p.enqueue.loop, &p.enqueue.commit,
                submission_done);
    hint_init(&p.enqueue.hint, p.enqueue.loop, p.enqueue.queuedir);
    if (!direct)
        serve(&p);
    else if ((r = door_serve(&p.direct_door, &p.enqueue, FD_SUBMIT)) < 0)
        log_die("fatal why=%s doing=\"serve the caller\"", strerror(-r));
    uv_run(p.enqueue.loop, UV_RUN_DEFAULT);
    return 0;
}
