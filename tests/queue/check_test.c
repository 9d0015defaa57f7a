#include "queue/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/tap.h"

/* A private instance of this test's own; run by root it belongs to somebody
 * else, for root's would be a split one. */
static char home[] = "/tmp/check_test.XXXXXX";
static int dir = -1;
static uid_t owner;

enum { SOMEBODY = 65534 };

static void
own(const char *path)
{
    if (fchownat(dir, path, owner, (gid_t)-1, 0) < 0)
        ok(false, "%s can be given away: %s", path, strerror(errno));
}

static void
set_mode(const char *path, mode_t mode)
{
    if (fchmodat(dir, path, mode, 0) < 0)
        ok(false, "the mode of %s can be set", path);
}

static void
put(const char *path, const char *text)
{
    int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || file_write(fd, text, strlen(text)) < 0)
        ok(false, "%s can be written", path);
    file_close(&fd);
    own(path);
}

static void
make_instance(void)
{
    for (size_t n = 0; n < instance_part_count; n++) {
        static const char *const places[] = {"control", "queue", "run"};
        const struct instance_part *p = &instance_parts[n];
        char path[100];

        snprintf(path, sizeof path, "%s%s%s", places[p->place],
                 *p->name ? "/" : "", p->name);
        if (p->place == PLACE_RUN)
            continue;
        if (p->type == S_IFDIR)
            ok(mkdirat(dir, path, p->single_mode) == 0, "made %s", path);
        else if (p->type == S_IFIFO)
            ok(mkfifoat(dir, path, p->single_mode) == 0, "made %s", path);
        else
            put(path, "");
        own(path);
    }
    put("control/me", "mail.example.org\n");
    put("control/ledgerkey", "00\n");
    put("control/ledgerkey.pub", "00\n");
}

static void
look(struct check *c)
{
    struct instance i = {0};

    memset(c, 0, sizeof *c);
    buf_addstr(&c->report, "");
    instance_open(&i);
    check_instance(c, &i);
    ok(!i.split, "a private instance is known as such");
    instance_free(&i);
}

/* The report with one thing changed and the number of problems. */
static void
finds(unsigned problems, unsigned warnings, const char *report,
      const char *name)
{
    struct check c;

    look(&c);
    if (!same(c.report.data, report, name) || c.problems != problems ||
        c.warnings != warnings)
        ok(false, "%u problems, %u warnings", c.problems, c.warnings);
    check_free(&c);
}

static void
good(void)
{
    struct check c;

    finds(0, 0, "", "nothing is wrong with a new instance");
    set_mode("control", 0700);
    set_mode("queue", 0700);
    finds(0, 0, "", "a private instance may be closed to others");
    look(&c);
    ok(!c.blind, "all could be looked at");
    check_free(&c);
}

static void
settings(void)
{
    put("control/queuelifetime", "7d\n");
    put("control/smtproutes", "# ours\na:b:25\na:b:x\nrelay.example\n");
    put("control/locals", "ann@example.org\n");
    put("control/timeoutconnect", "60s\n");
    finds(5, 0,
          "control/queuelifetime:1: '7d' is no number of 0 to 31622400 "
          "seconds; did you mean 604800?\n"
          "control/locals:1: 'ann@example.org' is no domain; one line is one "
          "domain, users and 'domain:user' belong elsewhere\n"
          "control/smtproutes:3: port 'x' is no number of 1 to 65535\n"
          "control/smtproutes:4: no colon in 'relay.example'; for all mail "
          "by this relay write ':relay.example'\n"
          "control/timeoutconnect: the first line is no number of at most "
          "86400\n",
          "each wrong line is found, with what was meant");
    unlinkat(dir, "control/queuelifetime", 0);
    unlinkat(dir, "control/smtproutes", 0);
    unlinkat(dir, "control/locals", 0);
    unlinkat(dir, "control/timeoutconnect", 0);
}

static void
addresses(void)
{
    put("control/submitsenders", "root:root\n");
    put("control/submitlimit", "*:1\nno-such-user-here:1:1\n");
    put("control/canonical", "a@x.test:b@x.test\n@x.test\n");
    put("control/masquerade", "!\n");
    finds(5, 0,
          "control/submitsenders:1: 'root' is no address, @domain or *\n"
          "control/submitlimit:1: '*:1' is not user:messages:bytes\n"
          "control/submitlimit:2: 'no-such-user-here' is no user of this "
          "host\n"
          "control/canonical:2: '' is no address or @domain\n"
          "control/masquerade:1: '' is no domain\n",
          "so is each in the lists of who may send and of what is rewritten");
    unlinkat(dir, "control/submitsenders", 0);
    unlinkat(dir, "control/submitlimit", 0);
    unlinkat(dir, "control/canonical", 0);
    unlinkat(dir, "control/masquerade", 0);
}

static void
names(void)
{
    put("control/smtproute", ":relay.example\n");
    finds(1, 0, "control/smtproute: no setting has this name; did you mean "
          "smtproutes?\n", "a slip of the pen in a name is a problem");
    put("control/smtproutes", ":relay.example\n");
    put("control/me~", "old\n");
    put("control/README", "hello\n");
    put("control/rcpthosts", "example.org\n");
    put("control/.hidden", "x\n");
    finds(0, 4,
          "control/README: warning: no setting has this name; not used\n"
          "control/me~: warning: not used; a copy of me?\n"
          "control/rcpthosts: warning: not used by this version\n"
          "control/smtproute: warning: no setting has this name; not used\n",
          "other names, and it beside the right one, are warnings");
    unlinkat(dir, "control/smtproute", 0);
    unlinkat(dir, "control/smtproutes", 0);
    unlinkat(dir, "control/me~", 0);
    unlinkat(dir, "control/README", 0);
    unlinkat(dir, "control/rcpthosts", 0);
    unlinkat(dir, "control/.hidden", 0);
}

static void
rights(void)
{
    set_mode("control/me", 0666);
    set_mode("control/ledgerkey", 0644);
    finds(2, 0,
          "control/ledgerkey: mode 0644 lets others read the secret key; "
          "mend it with: godwit init\n"
          "control/me: mode 0666 lets others write it; chmod go-w it\n",
          "files that others may write, keys that others may read");
    set_mode("control/me", 0644);
    unlinkat(dir, "control/ledgerkey", 0);
    finds(1, 0, "control/ledgerkey: missing; make it with: godwit init\n",
          "the key must be there");
    put("control/ledgerkey", "00\n");
    if (symlinkat("nothing", dir, "control/locals") == 0)
        finds(1, 0, "control/locals: a link to nothing; the default would be "
              "taken: remove or mend it\n", "a dangling link is found");
    unlinkat(dir, "control/locals", 0);
}

static void
folders(void)
{
    char text[500];

    set_mode("queue/todo", 0755);
    set_mode("queue", 0777);
    finds(2, 0,
          "queue: mode 0777, should be 0755; mend it with: godwit init\n"
          "queue/todo: mode 0755, should be 0700; mend it with: godwit "
          "init\n", "modes are compared with those that init makes");
    set_mode("queue/todo", 0700);
    set_mode("queue", 0700);

    unlinkat(dir, "queue/trigger", 0);
    put("queue/trigger", "");
    finds(1, 0, "queue/trigger: is a file, should be a FIFO; move it away, "
          "then: godwit init\n", "types are compared");
    unlinkat(dir, "queue/trigger", 0);
    snprintf(text, sizeof text, "queue/trigger: missing (%s/queue/trigger); "
             "make it with: godwit init\n", home);
    finds(1, 0, text, "what is missing is found");
    ok(mkfifoat(dir, "queue/trigger", 0600) == 0, "mended");
    own("queue/trigger");

    if (geteuid() != 0) {
        skip("only root can give a folder away");
        return;
    }
    ok(fchownat(dir, "queue/info", 0, (gid_t)-1, 0) == 0, "given away");
    finds(1, 0, "queue/info: belongs to uid 0, should to uid 65534; mend it "
          "with: chown\n", "owners are compared");
    own("queue/info");
}

static void
nothing_there(void)
{
    struct check c;

    setenv("GODWIT_HOME", "/tmp/check_test.none", 1);
    memset(&c, 0, sizeof c);
    {
        struct instance i = {0};

        instance_open(&i);
        check_instance(&c, &i);
        instance_free(&i);
    }
    ok(c.problems >= instance_part_count - 1 && !c.blind &&
           strstr(c.report.data, "control: missing (/tmp/check_test.none/"
                                 "control); make it with: godwit init\n"),
       "an instance that isn't there is a problem");
    check_free(&c);
}

static void
clean(void)
{
    for (size_t n = instance_part_count; n-- > 0;)
        if (*instance_parts[n].name) {
            char path[100];

            snprintf(path, sizeof path, "queue/%s", instance_parts[n].name);
            unlinkat(dir, path, instance_parts[n].type == S_IFDIR
                                    ? AT_REMOVEDIR : 0);
        }
    unlinkat(dir, "control/me", 0);
    unlinkat(dir, "control/ledgerkey", 0);
    unlinkat(dir, "control/ledgerkey.pub", 0);
    unlinkat(dir, "control", AT_REMOVEDIR);
    unlinkat(dir, "queue", AT_REMOVEDIR);
    ok(rmdir(home) == 0, "nothing is left behind");
}

int
main(void)
{
    owner = geteuid() ? geteuid() : SOMEBODY;
    umask(0);
    if (!mkdtemp(home) || chmod(home, 0755) < 0 ||
        file_opendir(&dir, AT_FDCWD, home) < 0)
        return !ok(false, "a folder can be made");
    setenv("GODWIT_HOME", home, 1);
    make_instance();
    good();
    settings();
    addresses();
    names();
    rights();
    folders();
    nothing_there();
    clean();
    file_close(&dir);
    return tap_end();
}
