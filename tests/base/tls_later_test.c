#include "base/tls_later.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/tap.h"

static bool
nothing(void *data)
{
    return data == NULL;
}

static bool
opens(void *data)
{
    (void)data;
    return open("/dev/null", O_RDONLY) >= 0;
}

/* Whether settings of this text may be kept. */
static bool
keeps(const char *text)
{
    char name[] = "/tmp/tls_later.XXXXXX";
    struct tls_later l = {0};
    int fd = mkstemp(name);
    bool kept;

    if (fd < 0 || dprintf(fd, "%s", text) < 0)
        abort();
    close(fd);
    setenv("OPENSSL_CONF", name, 1);
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    kept = tls_later_read(&l);
    tls_later_free(&l);
    unlink(name);
    return kept;
}

int
main(void)
{
    ok(tls_later_rehearse(nothing, NULL), "what opens nothing works later");
    ok(!tls_later_rehearse(nothing, ""), "what fails does not");
    ok(!tls_later_rehearse(opens, NULL), "nor what opens a file");
    ok(opens(NULL), "the child alone was closed in");
    ok(keeps(""), "no settings are kept");
    ok(keeps("a = b\n# .include c\n[d]\n"), "those of one file are kept");
    ok(!keeps(".include c\n"), "not those that include others");
    ok(!keeps("a = b\n\t .include=c"), "wherever it stands");
    return tap_end();
}
