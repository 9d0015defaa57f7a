#include "base/tls_later.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/tap.h"

enum { LONG = 60 }; /* seconds; no trial here takes them */

static bool
nothing(void *data)
{
    return data == NULL;
}

/* Goes on, as OpenSSL does where a provider's module cannot be loaded. */
static bool
opens(void *data)
{
    (void)data;
    open("/dev/null", O_RDONLY);
    return true;
}

static bool
opens_by_openat2(void *data)
{
    const uint64_t how[3] = {O_RDONLY}; /* struct open_how */

    (void)data;
    syscall(SYS_openat2, AT_FDCWD, "/dev/null", how, sizeof how);
    return true;
}

static bool
waits(void *data)
{
    (void)data;
    while (pause() < 0)
        ;
    return true;
}

static bool
is_closed(void *data)
{
    return fcntl(*(int *)data, F_GETFD) < 0 && errno == EBADF &&
           fcntl(2, F_GETFD) >= 0;
}

static bool
alone(void)
{
    int fd = open("/dev/null", O_RDONLY);
    bool good = fd > 2 && tls_later_rehearse(is_closed, &fd, LONG) &&
                fcntl(fd, F_GETFD) >= 0;

    close(fd);
    return good;
}

/* With the signal of the deadline ignored and blocked, as whoever started us
 * may have left it. */
static bool
ends(void)
{
    sigset_t clock;

    sigemptyset(&clock);
    sigaddset(&clock, SIGALRM);
    signal(SIGALRM, SIG_IGN);
    sigprocmask(SIG_BLOCK, &clock, NULL);
    return !tls_later_rehearse(waits, NULL, 1);
}

static bool
configure(void *later)
{
    return tls_later_config(later);
}

/* Whether the settings in the file of this name may be kept for later. */
static bool
keeps_file(const char *name)
{
    struct tls_later l = {0};
    bool kept;

    setenv("OPENSSL_CONF", name, 1);
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    kept = tls_later_read(&l) && tls_later_rehearse(configure, &l, LONG);
    tls_later_free(&l);
    return kept;
}

static bool
keeps(const char *text)
{
    char name[] = "/tmp/tls_later.XXXXXX";
    int fd = mkstemp(name);
    bool kept;

    if (fd < 0 || dprintf(fd, "%s", text) < 0)
        abort();
    close(fd);
    kept = keeps_file(name);
    unlink(name);
    return kept;
}

#define INIT "openssl_conf = init\n[init]\n"
#define PROVIDER(how) INIT "providers = all\n[all]\ndefault = d\nx = x\n" \
                      "[d]\nactivate = 1\n[x]\n" how

static void
test_settings(void)
{
    static const char debian[] = "/etc/ssl/openssl.cnf";

    ok(keeps(""), "no settings are kept");
    ok(keeps("a = b\n# .include /dev/null\n[d]\n"),
       "those of one file are kept");
    if (access(debian, R_OK) == 0)
        ok(keeps_file(debian), "the system's own are kept");
    else
        skip("there is no %s", debian);
    ok(!keeps(".include /dev/null\n"), "not those that include others");
    ok(!keeps("a = b\n\t .include=/dev/null"), "wherever it stands");
    ok(!keeps("\xef\xbb\xbf.include /dev/null\n"),
       "also behind a byte order mark");
    ok(!keeps("a = b\n.inc\\\nlude /dev/null\n"), "or on two lines");
    ok(keeps(PROVIDER("")), "those with OpenSSL's own providers are kept");
    ok(!keeps(PROVIDER("module = /nonexistent/x.so\nactivate = 1\n")),
       "not those that load a module, be it missing");
    ok(!keeps(INIT "engines = e\n[e]\nx = x\n[x]\n"
                   "dynamic_path = /nonexistent/x.so\ninit = 0\n"),
       "nor an engine");
}

int
main(void)
{
    ok(tls_later_rehearse(nothing, NULL, LONG),
       "what opens nothing works later");
    ok(!tls_later_rehearse(nothing, "", LONG), "what fails does not");
    ok(!tls_later_rehearse(opens, NULL, LONG),
       "nor what would open a file, whatever it makes of it");
    ok(!tls_later_rehearse(opens_by_openat2, NULL, LONG),
       "nor by openat2");
    ok(open("/dev/null", O_RDONLY) >= 0, "the child alone was closed in");
    ok(alone(), "it has none of our descriptors but 0 to 2");
    ok(ends(), "it has a deadline");
    test_settings();
    return tap_end();
}
