#include "inject/user.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/file.h"
#include "base/mem.h"

enum { LINE_MAX_BYTES = 4096, ANSWER_MS = 30000 };

/* Whether an error leaves open who is meant; what is missing or forbidden
 * (a sandbox) knows nobody. */
static bool
in_doubt(int r)
{
    return r == -EIO || r == -EINTR || r == -EAGAIN || r == -ENOMEM ||
           r == -EMFILE || r == -ENFILE;
}

/* One line of passwd(5), as getent prints it. */
static int
read_line(int fd, struct buf *line)
{
    struct pollfd p = {fd, POLLIN, 0};
    char part[512];
    ssize_t n = 1;
    int ready;

    while (n > 0 && line->len < LINE_MAX_BYTES) {
        while ((ready = poll(&p, 1, ANSWER_MS)) < 0 && errno == EINTR)
            ;
        if (ready <= 0)
            return ready < 0 ? -errno : -EAGAIN;
        if ((n = read(fd, part, sizeof part)) > 0)
            buf_add(line, part, (size_t)n);
    }
    return n < 0 ? -errno : 0;
}

static int
ask_getent(uid_t uid, struct buf *line)
{
    posix_spawn_file_actions_t actions;
    char number[24];
    char *argv[] = {"getent", "passwd", number, NULL};
    int ends[2];
    pid_t pid;
    int r;

    snprintf(number, sizeof number, "%lu", (unsigned long)uid);
    if (pipe(ends) < 0)
        return -errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, 0);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    r = -posix_spawn(&pid, "/usr/bin/getent", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    file_close(&ends[1]);
    if (r == 0) {
        r = read_line(ends[0], line);
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    file_close(&ends[0]);
    return r;
}

/* The fields of a passwd line up to the GECOS. */
static bool
split(struct view line, struct view *name, struct view *gecos)
{
    struct view part[5];

    for (size_t i = 0; i < 5; i++) {
        size_t colon = view_find(line, ':');

        if (colon == line.len)
            return false;
        part[i] = view_make(line.data, colon);
        line = view_from(line, colon + 1);
    }
    *name = part[0];
    *gecos = part[4];
    return true;
}

/* The first part of the GECOS field, its '&' the name with a capital. */
static char *
full_name(struct view name, struct view gecos)
{
    struct buf b = {0};

    gecos.len = view_find(gecos, ',');
    for (size_t i = 0; i < gecos.len; i++) {
        size_t at = b.len;

        if (gecos.data[i] != '&') {
            buf_addbyte(&b, gecos.data[i]);
            continue;
        }
        buf_addview(&b, name);
        if (b.len > at && b.data[at] >= 'a' && b.data[at] <= 'z')
            b.data[at] = (char)(b.data[at] - 'a' + 'A');
    }
    buf_addstr(&b, "");
    return b.data;
}

enum verdict
user_names(char **name, char **fullname, struct outcome *o)
{
    struct buf line = {0}, unknown = {0};
    struct view login, gecos;
    struct passwd *pw;
    int r, asked = 0;

    errno = 0;
    pw = getpwuid(getuid());
    r = pw ? 0 : -errno;
    login = view_of(pw ? pw->pw_name : "");
    gecos = view_of(pw && pw->pw_gecos ? pw->pw_gecos : "");
    if (!pw) {
        asked = ask_getent(getuid(), &line);
        split(buf_view(&line), &login, &gecos);
    }
    if (!login.len && (in_doubt(asked) || in_doubt(r))) {
        buf_free(&line);
        *name = *fullname = NULL;
        return outcome_errno(o, in_doubt(asked) ? asked : r,
                             "cannot find out who uid %lu is",
                             (unsigned long)getuid());
    }
    if (login.len && !addr_unclean(login)) {
        *name = mem_dup(login.data, login.len);
        *fullname = full_name(login, gecos);
    } else {
        buf_print(&unknown, "uid-%lu", (unsigned long)getuid());
        *name = unknown.data;
        *fullname = mem_string("");
    }
    buf_free(&line);
    return outcome_set(o, DONE, "2.0.0", "known");
}
