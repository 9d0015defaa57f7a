#include "remote/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    WAIT_MAX = 24 * 60 * 60,
    SESSIONS_MAX = 100000,
    HELO_MAX = 255, /* RFC 5321 4.5.3.1.2 */
};

static unsigned
number(int control, const char *name, unsigned fallback, unsigned max)
{
    uint64_t n;
    int r = conf_number(control, name, fallback, max, &n);

    if (r < 0)
        log_die("fatal setting=%s why=%s", name, strerror(-r));
    return (unsigned)n;
}

static char *
value(int control, const char *name)
{
    char *v;
    int r = conf_value(control, name, &v);

    if (r < 0)
        log_die("fatal setting=%s why=%s", name, strerror(-r));
    if (v && !*v) {
        free(v);
        v = NULL;
    }
    return v;
}

/* A file that cannot be reached is not taken for one that is not there. */
static bool
is_there(int control, const char *name)
{
    if (faccessat(control, name, F_OK, 0) == 0)
        return true;
    if (errno != ENOENT)
        log_die("fatal setting=%s why=%s", name, strerror(errno));
    return false;
}

/* The name stands in a command of ours. */
static void
check_helo(const char *name)
{
    struct view v = view_of(name);

    for (size_t i = 0; i < v.len; i++)
        if (v.data[i] <= ' ' || v.data[i] > '~')
            log_die("fatal setting=helohost value=%s why=%s", name,
                    "not a host name");
    if (v.len > HELO_MAX)
        log_die("fatal setting=helohost why=%s", "too long");
}

/* What proves answers of the DNS; the file is read by dns_open. */
static void
read_anchors(struct settings *s, const struct sessions *all, int control)
{
    static const char file[] = "/usr/share/dns/root.key";
    struct dns_settings *dns = &s->resolver;
    int e = conf_list(control, "trustanchor", &dns->anchors);
    bool dane = tlspolicy_names(&all->policies, TLS_DANE) ||
                tlspolicy_names(&all->policies, TLS_DANE_ONLY);

    if (e < 0 && e != -ENOENT)
        log_die("fatal setting=trustanchor why=%s", strerror(-e));
    if (e == -ENOENT && dane && access(file, R_OK) == 0)
        dns->anchor_file = file;
    if (dane && !dns->anchor_file && dns->anchors.count == 0)
        log_die("fatal setting=trustanchor why=%s",
                "tlspolicy has dane, which needs an anchor: install "
                "dns-root-data, or write one");
}

/* No file may be opened later.  The operator's own files are looked at now,
 * so that he is told what is wrong; the system's wait for the first host with
 * STARTTLS: until then TLS takes no memory. */
static void
read_tls(const struct settings *s, struct sessions *all, int control,
         const char *folder)
{
    struct conf_list *policies = &all->policies;
    bool own = is_there(control, "tlsca");
    struct buf ca = {0};
    size_t line;
    int e = conf_list(control, "tlspolicy", policies);

    if (e < 0 && e != -ENOENT)
        log_die("fatal setting=tlspolicy why=%s", strerror(-e));
    if (!tlspolicy_check(policies, &line))
        log_die("fatal setting=tlspolicy line=%zu why=%s", line,
                "not DOMAIN:POLICY with a policy known here");
    buf_print(&ca, "%s/tlsca", folder);
    if (!own && !s->by_hand && !is_there(control, "tlscert"))
        all->tls = tls_context_later();
    if (!all->tls)
        all->tls = tls_context_new(own ? ca.data : NULL);
    if (!all->tls)
        log_die("fatal setting=tlsca why=%s", "no certificates (PEM)");
    buf_free(&ca);
}

/* Who we are, for servers that ask. */
static void
read_certificate(const struct settings *s, struct sessions *all, int control,
                 const char *folder)
{
    struct buf certificate = {0}, key = {0};
    struct stat st;

    if (s->unrouted && faccessat(control, "tlskey", R_OK, AT_EACCESS) < 0 &&
        errno == EACCES)
        return; /* he who runs it is not who it is for */
    if (!is_there(control, "tlscert"))
        return;
    if (fstatat(control, "tlskey", &st, 0) < 0)
        log_die("fatal setting=tlskey why=%s", strerror(errno));
    if (st.st_mode & 077)
        log_die("fatal setting=tlskey why=%s",
                "others than its owner may read it: chmod 0400");
    buf_print(&certificate, "%s/tlscert", folder);
    buf_print(&key, "%s/tlskey", folder);
    if (!tls_context_show(all->tls, certificate.data, key.data))
        log_die("fatal setting=tlscert why=%s",
                "no certificate (PEM) that belongs to tlskey");
    buf_free(&certificate);
    buf_free(&key);
}

/* No line of it may come into a message: it holds secrets. */
static void
read_secrets(const struct settings *s, struct sessions *all, int control)
{
    size_t line = 0;
    int e = auth_load(&all->secrets, control, &line);

    if (e == -EACCES && s->unrouted)
        e = 0; /* a secret is for relays */
    if (e == -EPERM)
        log_die("fatal setting=smtpauth why=%s",
                "others than its owner may read it: chmod 0400");
    if (e == -EBADMSG)
        log_die("fatal setting=smtpauth line=%zu why=%s", line,
                "not HOST:USER:SECRET or HOST:PORT:USER:SECRET");
    if (e < 0)
        log_die("fatal setting=smtpauth why=%s", strerror(-e));
    e = auth_load_tokens(&all->tokens, control, &line);
    if (e == -EBADMSG)
        log_die("fatal setting=smtptoken line=%zu why=%s", line,
                "not HOST:USER:FILE or HOST:PORT:USER:FILE");
    if (e < 0)
        log_die("fatal setting=smtptoken why=%s", strerror(-e));
    all->token_folder = -1;
    if (all->tokens.count > 0 &&
        (e = file_opendir(&all->token_folder, control, "tokens")) < 0 &&
        !(e == -EACCES && s->unrouted))
        log_die("fatal setting=smtptoken folder=tokens why=%s", strerror(-e));
}

static void
read_binds(struct sessions *all, int control)
{
    struct conf_list list = {0};
    struct buf why = {0};
    int e = conf_list(control, "bindroutes", &list);

    if (e < 0 && e != -ENOENT)
        log_die("fatal setting=bindroutes why=%s", strerror(-e));
    if (bind_load(&all->binds, &list, &why) < 0)
        log_die("fatal setting=bindroutes why=%s", why.data);
    conf_listfree(&list);
    buf_free(&why);
}

void
settings_read(struct settings *s, struct sessions *all)
{
    struct conf_paths paths;
    int control, e;

    conf_paths(&paths);
    if ((e = file_opendir(&control, AT_FDCWD, paths.control)) < 0)
        log_die("fatal folder=%s why=%s", paths.control, strerror(-e));
    if (!(s->me = value(control, "me")))
        log_die("fatal setting=me why=%s", "missing or empty");
    if (!(s->helo = value(control, "helohost")))
        s->helo = mem_string(s->me);
    check_helo(s->helo);
    all->helo = s->helo;
    read_binds(all, control);
    all->connect_wait = number(control, "timeoutconnect", 60, WAIT_MAX);
    all->answer_wait = number(control, "timeoutremote", 1200, WAIT_MAX);
    all->keep = number(control, "remotekeep", 5, WAIT_MAX);
    all->age = number(control, "remoteage", 600, WAIT_MAX);
    all->limit = number(control, "concurrencyremote", 2000, SESSIONS_MAX);
    if (all->limit == 0)
        log_die("fatal setting=concurrencyremote why=%s", "zero");
    s->resolver.wait = number(control, "timeoutdns", 30, WAIT_MAX);
    e = conf_list(control, "resolver", &s->resolver.servers);
    if (e < 0 && e != -ENOENT)
        log_die("fatal setting=resolver why=%s", strerror(-e));
    read_tls(s, all, control, paths.control);
    read_certificate(s, all, control, paths.control);
    read_anchors(s, all, control);
    read_secrets(s, all, control);
    file_close(&control);
    conf_pathsfree(&paths);
}

void
settings_free(struct settings *s, struct sessions *all)
{
    tls_context_free(all->tls);
    conf_listfree(&all->policies);
    conf_listfree(&all->secrets);
    conf_listfree(&all->tokens);
    file_close(&all->token_folder);
    bind_free(&all->binds);
    conf_listfree(&s->resolver.servers);
    conf_listfree(&s->resolver.anchors);
    free(s->helo);
    free(s->me);
}
