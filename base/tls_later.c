#include "base/tls_later.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jail.h"
#include "base/trust.h"

enum { CONFIG_MAX = 1 << 20 };

static bool
read_config(struct buf *b)
{
    char *name = CONF_get1_default_config_file();
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    int e = fd < 0 ? -errno : file_slurp(fd, CONFIG_MAX, b);

    file_close(&fd);
    OPENSSL_free(name);
    if (b->len == 0)
        return e == 0 || e == -ENOENT;
    return e == 0 && strlen(b->data) == b->len;
}

bool
tls_later_read(struct tls_later *l)
{
    return trust_read(&l->trusted) && read_config(&l->config);
}

void
tls_later_free(struct tls_later *l)
{
    buf_free(&l->config);
    buf_free(&l->trusted);
}

bool
tls_later_config(const struct tls_later *l)
{
    BIO *bytes = NULL;
    CONF *conf = NULL;
    bool good;

    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
        return false;
    if (l->config.len == 0)
        return true;
    good = (bytes = BIO_new_mem_buf(l->config.data, (int)l->config.len)) &&
           (conf = NCONF_new(NULL)) &&
           NCONF_load_bio(conf, bytes, NULL) > 0 &&
           CONF_modules_load(conf, NULL, CONF_MFLAGS_DEFAULT_SECTION) > 0;
    NCONF_free(conf);
    BIO_free(bytes);
    return good;
}

static void
on_end(int number)
{
    (void)number;
    _exit(1);
}

/* In the child: what it holds open nobody may wait for. */
static bool
try(bool (*make)(void *data), void *data, unsigned seconds)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGALRM);
    sigaddset(&ends, SIGSYS);
    if (signal(SIGALRM, on_end) == SIG_ERR ||
        signal(SIGSYS, on_end) == SIG_ERR ||
        sigprocmask(SIG_UNBLOCK, &ends, NULL) < 0 ||
        close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
        return false;
    alarm(seconds);
    return jail_seal(JAIL_TRAPFILES) == 0 && make(data);
}

bool
tls_later_rehearse(bool (*make)(void *data), void *data, unsigned seconds)
{
    pid_t pid = fork(), ended;
    int status;

    if (pid == 0)
        _exit(try(make, data, seconds) ? 0 : 1);
    if (pid < 0)
        return false;
    while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    return ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
