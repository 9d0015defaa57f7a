#include "inject/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/file.h"

enum { WORDS_FD = 6, WORDS_MAX = 400, CANNOT_RUN = 120 };

static const struct {
    int code;
    const char *enhanced;
    const char *text;
} codes[] = {
    {11, "5.1.3", "address too long"},
    {31, "5.3.0", "mail server permanently rejected message"},
    {32, "5.7.1", "refused as spam"},
    {33, "5.7.1", "refused for a virus"},
    {34, "5.7.1", "refused for an attachment"},
    {51, "4.3.0", "out of memory"},
    {52, "4.3.0", "timeout"},
    {53, "4.3.0", "write error or disk full"},
    {54, "4.3.0", "unable to read message or envelope"},
    {55, "4.3.0", "unable to read configuration"},
    {56, "4.3.0", "network problem"},
    {61, "4.3.0", "trouble with the home directory"},
    {62, "4.3.0", "trouble with the queue directory"},
    {63, "4.3.0", "trouble creating files in the queue"},
    {64, "4.3.0", "trouble creating files in the queue"},
    {65, "4.3.0", "trouble creating files in the queue"},
    {66, "4.3.0", "trouble creating files in the queue"},
    {71, "4.3.0", "mail server temporarily rejected message"},
    {72, "4.4.1", "connection to mail server timed out"},
    {73, "4.4.1", "connection to mail server rejected"},
    {74, "4.4.0", "communication with mail server failed"},
    {81, "4.3.0", "internal error"},
    {91, "4.3.0", "envelope format error"},
    {CANNOT_RUN, "4.3.0", "the program cannot be run"},
};

enum verdict
filter_outcome(int code, struct outcome *o)
{
    enum verdict v = code == 0                 ? DONE
                     : code >= 11 && code <= 40 ? NEVER
                                                : LATER;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code)
            return outcome_set(o, v, codes[i].enhanced, "%s (exit code %d)",
                               codes[i].text, code);
    return outcome_set(o, v,
                       v == DONE ? "2.0.0" : v == NEVER ? "5.3.0" : "4.3.0",
                       "the queueing program exited with code %d", code);
}

/* In the child: pipes in place, signals as they were, then the program. */
static void
become(const char *path, const int ends[3])
{
    static const int places[] = {0, 1, WORDS_FD};
    char *argv[] = {(char *)path, NULL};
    int high[3];

    /* Above the places first, so that none hides another. */
    for (int i = 0; i < 3; i++)
        if ((high[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, WORDS_FD + 1)) < 0)
            _exit(CANNOT_RUN);
    for (int i = 0; i < 3; i++)
        if (dup2(high[i], places[i]) < 0)
            _exit(CANNOT_RUN);
    signal(SIGPIPE, SIG_DFL);
    execv(path, argv);
    _exit(CANNOT_RUN);
}

enum verdict
filter_start(struct filter *f, const char *path, struct outcome *o)
{
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    int r = 0;

    memset(f, 0, sizeof *f);
    for (int i = 0; i < 3 && r == 0; i++)
        if (pipe2(pipes[i], O_CLOEXEC) < 0)
            r = -errno;
    if (r == 0 && (f->pid = fork()) < 0)
        r = -errno;
    if (r == 0 && f->pid == 0)
        become(path, (int[]){pipes[0][0], pipes[1][0], pipes[2][1]});
    file_close(&pipes[0][0]);
    file_close(&pipes[1][0]);
    file_close(&pipes[2][1]);
    f->message = pipes[0][1];
    f->envelope = pipes[1][1];
    f->words = pipes[2][0];
    if (r == 0)
        return outcome_set(o, DONE, "2.0.0", "running");
    file_close(&f->message);
    file_close(&f->envelope);
    file_close(&f->words);
    return outcome_errno(o, r, "cannot run %.200s", path);
}

static void
write_to(struct filter *f, int fd, struct view bytes)
{
    if (!f->failed && file_write(fd, bytes.data, bytes.len) < 0)
        f->failed = true;
}

bool
filter_content(struct filter *f, struct view bytes)
{
    write_to(f, f->message, bytes);
    return !f->failed;
}

static void
add_address(struct buf *b, char letter, struct view kept)
{
    struct view local, domain;

    buf_addbyte(b, letter);
    addr_split(kept, &local, &domain);
    addr_unquote(b, local);
    if (domain.len) {
        buf_addbyte(b, '@');
        buf_addview(b, domain);
    }
    buf_addbyte(b, 0);
}

static void
write_envelope(struct filter *f, struct view sender, const struct rcpts *rcpts)
{
    enum { PART = 32 * 1024 };
    struct buf b = {0};

    add_address(&b, 'F', sender);
    for (size_t i = 0; i < rcpts->count; i++) {
        add_address(&b, 'T', rcpts_get(rcpts, i));
        if (b.len >= PART) {
            write_to(f, f->envelope, buf_view(&b));
            buf_clear(&b);
        }
    }
    buf_addbyte(&b, 0);
    write_to(f, f->envelope, buf_view(&b));
    buf_free(&b);
}

/* What came on descriptor 6, at most WORDS_MAX bytes. */
static void
read_words(struct filter *f, struct buf *words)
{
    char part[256];
    ssize_t n;

    while ((n = read(f->words, part, sizeof part)) != 0) {
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0 && words->len < WORDS_MAX)
            buf_add(words, part, (size_t)n);
    }
}

/* Exit code 82: "D" or "Z", then the reply. */
static enum verdict
in_words(struct outcome *o, struct view words)
{
    bool never = words.len && words.data[0] == 'D';

    if (words.len && (never || words.data[0] == 'Z'))
        words = view_from(words, 1);
    words = view_trim(words);
    if (words.len == 0)
        return outcome_set(o, LATER, "4.3.0", "refused without a reason");
    return outcome_set(o, never ? NEVER : LATER, never ? "5.3.0" : "4.3.0",
                       "%.*s", (int)words.len, words.data);
}

static int
wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return CANNOT_RUN;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum verdict
filter_end(struct filter *f, struct view sender, const struct rcpts *rcpts,
           struct outcome *o)
{
    struct buf words = {0};
    enum verdict v;
    int code;

    file_close(&f->message);
    /* Without the whole message it must not see an end of the envelope. */
    if (!f->failed)
        write_envelope(f, sender, rcpts);
    file_close(&f->envelope);
    read_words(f, &words);
    file_close(&f->words);
    code = wait_for(f->pid);
    if (code < 0)
        v = outcome_set(o, LATER, "4.3.0", "the queueing program crashed");
    else if (code == 82)
        v = in_words(o, buf_view(&words));
    else
        v = filter_outcome(code, o);
    if (v == DONE && f->failed)
        v = outcome_set(o, LATER, "4.3.0", "the queueing program did not "
                        "read all of the message");
    buf_free(&words);
    return v;
}

void
filter_abort(struct filter *f)
{
    file_close(&f->envelope);
    file_close(&f->message);
    file_close(&f->words);
    wait_for(f->pid);
}
