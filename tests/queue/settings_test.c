#include "queue/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/tap.h"

/* A control folder of this test's own. */
static char folder[] = "/tmp/settings_test.XXXXXX";
static int dir = -1;

static void
put(const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || file_write(fd, text, strlen(text)) < 0)
        ok(false, "%s can be written", name);
    file_close(&fd);
}

static const struct setting *
row_of(const char *name)
{
    for (size_t i = 0; i < settings_count; i++)
        if (strcmp(settings_table[i].name, name) == 0)
            return &settings_table[i];
    return NULL;
}

static void
table(void)
{
    bool good = settings_count <= 64, unique = true;

    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *row = &settings_table[i];

        good = good && row->name && row->meaning && *row->meaning;
        for (size_t j = 0; j < i; j++)
            unique = unique && row->where != settings_table[j].where &&
                     strcmp(row->name, settings_table[j].name) != 0;
    }
    ok(good, "each row has a name and a meaning");
    ok(unique, "no two rows share a name or a place");
}

static void
defaults(void)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"me", "mail.example.org"},
        {"locals", "mail.example.org"},
        {"smtproutes", ""},
        {"bindroutes", ""},
        {"queuelifetime", "432000"},
        {"concurrencyremote", "2000"},
        {"remoteworkers", "1"},
        {"concurrencylocal", "50"},
        {"concurrencysite", "20"},
        {"siterate", ""},
        {"siterest", "60"},
        {"bouncefrom", "MAILER-DAEMON"},
        {"bouncehost", "mail.example.org"},
        {"doublebounceto", "postmaster"},
        {"doublebouncehost", "mail.example.org"},
        {"bouncemaxbytes", "50000"},
        {"databytes", "0"},
        {"submitsenders", ""},
        {"submitlimit", ""},
        {"ledgersegment", "16777216"},
        {"checkpointevery", "60"},
        {"spoolreserve", "16777216"},
    };
    struct settings s;
    struct buf why = {0}, value = {0};
    bool given = false;

    put("me", "mail.example.org\n");
    ok(settings_read(&s, dir, &why) == 0 && why.len == 0, "me is enough");
    ok(settings_count == sizeof rows / sizeof *rows, "all are tested here");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[80];

        snprintf(name, sizeof name, "%s is %s by default", rows[i].name,
                 *rows[i].value ? rows[i].value : "empty");
        buf_clear(&value);
        buf_addstr(&value, "");
        settings_print(&s, row_of(rows[i].name), &value);
        same(value.data, rows[i].value, name);
        given = given || (i > 0 && settings_given(&s, row_of(rows[i].name)));
    }
    ok(!given && settings_given(&s, row_of("me")),
       "only me comes from a file");
    settings_free(&s);
    settings_free(&s);
    buf_free(&value);
    buf_free(&why);
}

static void
values(void)
{
    struct settings s;
    struct buf value = {0}, why = {0};

    put("me", "  Mail.Example.org \nsecond line\n");
    put("locals", "# ours\nexample.org\n\nexample.net\n");
    put("smtproutes", ":relay.example\n");
    put("queuelifetime", "604800");
    put("concurrencysite", "5\n");
    put("bouncefrom", "daemon\n");
    put("bouncehost", "bounce.example.org\n");
    put("databytes", "\n");
    ok(settings_read(&s, dir, &why) == 0 && why.len == 0,
       "good values are read");
    same(s.me, "Mail.Example.org", "a value is the first line without blanks");
    ok(s.locals.count == 2 && s.locals.lines[1] == 4,
       "a list knows its line numbers");
    settings_print(&s, row_of("locals"), &value);
    same(value.data, "example.org example.net", "a list prints in one line");
    ok(s.smtproutes.count == 1, "a list has its lines");
    ok(s.queuelifetime == 604800, "the line feed may be missing");
    ok(s.concurrencysite == 5, "a number is read");
    same(s.bouncefrom, "daemon", "a user is read");
    same(s.bouncehost, "bounce.example.org", "a host is read");
    same(s.doublebouncehost, "Mail.Example.org", "others default to me");
    ok(s.databytes == 0 && !settings_given(&s, row_of("databytes")),
       "an empty file means the default");
    ok(settings_given(&s, row_of("queuelifetime")),
       "it is known what comes from a file");
    settings_free(&s);
    buf_free(&value);
    buf_free(&why);
}

static void
wrong_values(void)
{
    static const struct {
        const char *file, *text, *why;
    } rows[] = {
        {"queuelifetime", "7d\n", "control/queuelifetime:1: '7d' is no number "
         "of 0 to 31622400 seconds; did you mean 604800?\n"},
        {"queuelifetime", "12 hours\n", "control/queuelifetime:1: '12 hours' "
         "is no number of 0 to 31622400 seconds; did you mean 43200?\n"},
        {"queuelifetime", "-1\n", "control/queuelifetime:1: '-1' is no number "
         "of 0 to 31622400 seconds\n"},
        {"queuelifetime", "99999999999999999999999d", "control/queuelifetime:"
         "1: '99999999999999999999999d' is no number of 0 to 31622400 "
         "seconds\n"},
        {"ledgersegment", "32M\n", "control/ledgersegment:1: '32M' is no "
         "number of 65536 to 1073741824 bytes; did you mean 33554432?\n"},
        {"ledgersegment", "65535\n", "control/ledgersegment:1: '65535' is no "
         "number of 65536 to 1073741824 bytes\n"},
        {"concurrencysite", "0\n", "control/concurrencysite:1: '0' is no "
         "number of 1 to 100000\n"},
        {"concurrencyremote", "many\n", "control/concurrencyremote:1: 'many' "
         "is no number of 1 to 100000\n"},
        {"bouncefrom", "a@b.example\n", "control/bouncefrom:1: 'a@b.example' "
         "is no user name; did you mean 'a', the host having a file of its "
         "own?\n"},
        {"bouncefrom", "two words\n", "control/bouncefrom:1: 'two words' is "
         "no user name\n"},
        {"bouncehost", "a@b.example\n", "control/bouncehost:1: 'a@b.example' "
         "is no host name; did you mean 'b.example'?\n"},
        {"doublebouncehost", "<x>\n", "control/doublebouncehost:1: '<x>' is "
         "no host name\n"},
        {"me", "mail.b\xc3\xbc" "cher.example\n", "control/me:1: 'mail."
         "b\xc3\xbc" "cher.example' is no host name\n"},
        {"me", "\n", "control/me: empty; write the full name of this host "
         "into it\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct settings s;
        struct buf why = {0};

        put("me", "me.example.org\n");
        put(rows[i].file, rows[i].text);
        ok(settings_read(&s, dir, &why) == -EINVAL, "%s: %.*s is refused",
           rows[i].file, (int)strcspn(rows[i].text, "\n"), rows[i].text);
        same(why.data, rows[i].why, "and the words say why");
        ok(s.queuelifetime == 432000 && s.ledgersegment == 16777216 &&
               s.bouncefrom && s.bouncehost && s.me,
           "defaults stand in for what is wrong");
        settings_free(&s);
        buf_free(&why);
        file_remove(dir, rows[i].file);
    }
}

static void
faults(void)
{
    struct settings s;
    struct buf why = {0};

    file_remove(dir, "me");
    ok(settings_read(&s, dir, &why) == -EINVAL && s.locals.count == 0,
       "without me there is no start");
    same(why.data, "control/me: missing; write the full name of this host "
         "into it\n", "and the words say what to do");
    settings_free(&s);
    buf_clear(&why);

    put("me", "me.example.org\n");
    put("checkpointevery", "x\n");
    put("databytes", "x\n");
    ok(settings_read(&s, dir, &why) == -EINVAL, "two are wrong");
    same(why.data,
         "control/databytes:1: 'x' is no number of 0 to 1099511627776 bytes\n"
         "control/checkpointevery:1: 'x' is no number of 1 to 86400 "
         "seconds\n", "each gets its line");
    settings_free(&s);
    buf_clear(&why);

    mkdirat(dir, "bouncefrom", 0700);
    ok(settings_read(&s, dir, &why) == -EISDIR &&
           strstr(why.data, "control/bouncefrom: cannot be read: Is a dir"),
       "a file that cannot be read is not taken for one that isn't there");
    settings_free(&s);
    buf_clear(&why);
    unlinkat(dir, "bouncefrom", AT_REMOVEDIR);
    file_remove(dir, "databytes");
    file_remove(dir, "checkpointevery");

    ok(symlinkat("me", dir, "locals") == 0 &&
           settings_read(&s, dir, &why) == 0 && s.locals.count == 1 &&
           settings_given(&s, row_of("locals")),
       "a file may be a link to another");
    settings_free(&s);
    buf_free(&why);
    file_remove(dir, "locals");
    file_remove(dir, "me");
}

int
main(void)
{
    if (!mkdtemp(folder) || file_opendir(&dir, AT_FDCWD, folder) < 0)
        return !ok(false, "a folder can be made");
    table();
    defaults();
    values();
    for (size_t i = 0; i < settings_count; i++)
        file_remove(dir, settings_table[i].name);
    wrong_values();
    faults();
    file_close(&dir);
    ok(rmdir(folder) == 0, "nothing is left behind");
    return tap_end();
}
