#include "base/submit.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/connect.h"
#include "base/file.h"
#include "base/frame.h"

enum { FLUSH_AT = 256 * 1024 };

static bool
may_write_directly(const struct conf_paths *paths)
{
    struct buf todo = {0};
    struct stat st;
    bool may;

    buf_print(&todo, "%s/todo", paths->queue);
    may = stat(todo.data, &st) == 0 &&
          (geteuid() == 0 || geteuid() == st.st_uid ||
           access(todo.data, W_OK | X_OK) == 0);
    buf_free(&todo);
    return may;
}

/* The program that writes the spool, beside this one. */
static int
direct(void)
{
    char self[PATH_MAX];
    struct buf path = {0};
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    int pair[2];
    pid_t pid;

    if (n < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    self[n] = 0;
    buf_print(&path, "%s/godwit-enqueue", dirname(self));
    if ((pid = fork()) == 0) {
        /* Twice, so that nobody has to wait for it. */
        if (fork() == 0) {
            dup2(pair[1], 3);
            if (pair[1] == 3)
                fcntl(3, F_SETFD, 0);
            execl(path.data, "godwit-enqueue", "--direct", (char *)NULL);
        }
        _exit(0);
    }
    buf_free(&path);
    file_close(&pair[1]);
    if (pid < 0) {
        file_close(&pair[0]);
        return -errno;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return pair[0];
}

/* Ready for frames on fd, every wait with a deadline. */
static void
begin(struct submit *s, int fd, unsigned answer)
{
    struct timeval tv = {answer, 0};

    memset(s, 0, sizeof *s);
    s->fd = fd;
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

enum verdict
submit_connect(struct submit *s, const char *dir, const char *name,
               unsigned answer, struct outcome *o)
{
    int r = connect_unix(dir, name);

    begin(s, r < 0 ? -1 : r, answer);
    if (r < 0)
        return outcome_errno(o, r, "cannot reach %s/%s", dir, name);
    return DONE;
}

enum verdict
submit_open(struct submit *s, unsigned wait, struct outcome *o)
{
    struct conf_paths paths;
    time_t end = time(NULL) + wait;
    int r;

    conf_paths(&paths);
    for (;;) {
        struct timespec pause = {0, 50 * 1000 * 1000};

        r = connect_unix(paths.run, "submit");
        if (r >= 0 || (r != -ENOENT && r != -ECONNREFUSED && r != -EAGAIN))
            break;
        if (r != -EAGAIN && may_write_directly(&paths)) {
            r = direct();
            break;
        }
        /* Where there is no instance at all nobody will come. */
        if (time(NULL) >= end || (access(paths.run, F_OK) < 0 &&
                                  access(paths.queue, F_OK) < 0))
            break;
        nanosleep(&pause, NULL);
    }
    if (r == -ENOENT && access(paths.queue, F_OK) < 0)
        outcome_set(o, LATER, "4.3.5",
                    "no instance: neither %s/submit nor %s is there (make "
                    "one: godwit init)", paths.run, paths.queue);
    else if (r < 0)
        outcome_errno(o, r, "cannot reach %s/submit (is godwit running?)",
                      paths.run);
    conf_pathsfree(&paths);
    begin(s, r < 0 ? -1 : r, SUBMIT_ANSWER);
    return r < 0 ? LATER : DONE;
}

static void
flush(struct submit *s)
{
    size_t done = 0;

    while (!s->failed && done < s->out.len) {
        ssize_t n = send(s->fd, s->out.data + done, s->out.len - done,
                         MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            s->failed = true;
        else
            done += (size_t)n;
    }
    /* Whoever waits for the rest sees that it will not come, and ends; it
     * would be waited for otherwise. */
    if (s->failed)
        shutdown(s->fd, SHUT_WR);
    buf_clear(&s->out);
}

static void
put(struct submit *s, char kind, const char *data, size_t len)
{
    while (len) {
        size_t part = len < FRAME_MAX ? len : FRAME_MAX;

        frame_put(&s->out, kind, view_make(data, part));
        data += part;
        len -= part;
        if (s->out.len >= FLUSH_AT)
            flush(s);
    }
}

void
submit_envelope(struct submit *s, struct view bytes)
{
    put(s, 'E', bytes.data, bytes.len);
}

void
submit_content(struct submit *s, const void *data, size_t len)
{
    put(s, 'D', data, len);
}

static enum verdict
refused(struct outcome *o, enum verdict v, struct view why)
{
    size_t blank = view_find(why, ' ');
    char code[12] = "";

    if (blank < sizeof code)
        memcpy(code, why.data, blank);
    why = view_from(why, blank + 1);
    return outcome_set(o, v, code, "%.*s", (int)why.len, why.data);
}

/* Reads until one frame is whole. */
static int
answer(struct submit *s, struct buf *in, char *kind, struct view *payload)
{
    for (;;) {
        struct view rest = buf_view(in);
        int r = frame_take(&rest, kind, payload);
        ssize_t n;

        if (r != 0)
            return r;
        buf_reserve(in, 4096);
        n = recv(s->fd, in->data + in->len, 4096, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EPIPE;
        in->len += (size_t)n;
    }
}

enum verdict
submit_end(struct submit *s, id_text id, struct outcome *o)
{
    struct buf in = {0};
    struct view payload;
    enum verdict v;
    bool before;
    char kind;
    int r;

    /* A server that refuses may answer and close before all was written. */
    frame_put(&s->out, '.', view_of(""));
    flush(s);
    before = s->failed; /* the '.' did not get out whole */
    r = answer(s, &in, &kind, &payload);
    if (r < 0) {
        s->failed = true;
        v = before ? outcome_errno(o, r, "connection to the queue lost; "
                                   "nothing was queued")
                   : outcome_set(o, LATER, "4.4.2",
                                 "connection to the queue lost before its "
                                 "answer; the message may have been queued");
    } else if (kind == 'K' && payload.len == ID_LEN) {
        memcpy(id, payload.data, ID_LEN);
        id[ID_LEN] = 0;
        v = outcome_set(o, DONE, "2.0.0", "queued as %s", id);
    } else {
        v = refused(o, kind == 'N' ? NEVER : LATER, payload);
    }
    buf_free(&in);
    return v;
}

void
submit_close(struct submit *s)
{
    file_close(&s->fd);
    buf_free(&s->out);
}
