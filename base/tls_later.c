#include "base/tls_later.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jail.h"
#include "base/trust.h"

enum { CONFIG_MAX = 1 << 20 };

/* A line that names another file of settings, as config(5ssl) has it. */
static bool
includes(const char *text)
{
    static const char word[] = ".include";

    for (; text; text = strchr(text, '\n')) {
        text += strspn(text, " \t\r\n");
        if (strncmp(text, word, sizeof word - 1) == 0)
            return true;
    }
    return false;
}

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
    return e == 0 && strlen(b->data) == b->len && !includes(b->data);
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

bool
tls_later_rehearse(bool (*make)(void *data), void *data)
{
    pid_t pid = fork(), ended;
    int status;

    if (pid == 0)
        _exit(jail_seal(JAIL_NOFILES) == 0 && make(data) ? 0 : 1);
    if (pid < 0)
        return false;
    while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    return ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
