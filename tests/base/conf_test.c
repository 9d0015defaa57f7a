#include "base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

static int dir;

static void
put(const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n = write(fd, text, strlen(text));

    (void)n;
    close(fd);
}

static void
values(void)
{
    static const struct {
        const char *text, *want, *name;
    } rows[] = {
        {"x\n", "x", "a value is the first line"},
        {"x", "x", "which may lack its end"},
        {"x \t\r\ny\n", "x", "without blanks behind it"},
        {"", "", "an empty file is an empty value"},
        {"\nx\n", "", "and so is an empty first line"},
    };
    char *value;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put("v", rows[i].text);
        ok(conf_value(dir, "v", &value) == 0, "the file is read");
        same(value, rows[i].want, rows[i].name);
        free(value);
    }
    ok(conf_value(dir, "none", &value) == 0 && !value, "no file, no value");
    mkdirat(dir, "folder", 0700);
    ok(conf_value(dir, "folder", &value) == -EISDIR && !value,
       "what cannot be read is not taken for what is not there");
    unlinkat(dir, "folder", AT_REMOVEDIR);
}

static void
numbers(void)
{
    uint64_t n;

    ok(conf_number(dir, "none", 7, 10, &n) == 0 && n == 7, "a fallback");
    put("v", "");
    ok(conf_number(dir, "v", 7, 10, &n) == 0 && n == 7, "for nothing as well");
    put("v", "9\n");
    ok(conf_number(dir, "v", 7, 10, &n) == 0 && n == 9, "a number");
    put("v", "11\n");
    ok(conf_number(dir, "v", 7, 10, &n) == -EINVAL, "one that is too large");
    put("v", "5m\n");
    ok(conf_number(dir, "v", 7, 10, &n) == -EINVAL, "one that is none");
}

static void
lists(void)
{
    struct conf_list list;

    put("v", "# first\na\n\n b \n#c\nd#e");
    ok(conf_list(dir, "v", &list) == 0 && list.count == 3 &&
           strcmp(list.items[0], "a") == 0 && strcmp(list.items[1], "b") == 0 &&
           strcmp(list.items[2], "d#e") == 0,
       "a list is its lines without comments and empty ones");
    ok(list.lines[0] == 2 && list.lines[1] == 4 && list.lines[2] == 6,
       "each knows its place");
    conf_listfree(&list);
    ok(conf_list(dir, "none", &list) == -ENOENT && list.count == 0,
       "no file is told");
    conf_listfree(&list);
    unlinkat(dir, "v", 0);
}

static void
paths(void)
{
    struct conf_paths p;

    setenv("GODWIT_HOME", "/x", 1);
    conf_paths(&p);
    ok(strcmp(p.control, "/x/control") == 0 && strcmp(p.queue, "/x/queue") == 0
           && strcmp(p.run, "/x/run") == 0,
       "GODWIT_HOME has the three folders");
    conf_pathsfree(&p);
    setenv("GODWIT_HOME", "x", 1);
    conf_paths(&p);
    ok(p.control[0] == '/' && strstr(p.control, "/x/control"),
       "a relative one becomes absolute");
    conf_pathsfree(&p);
    unsetenv("GODWIT_HOME");
    conf_paths(&p);
    same(p.control, CONTROLDIR, "without it they are those of the build");
    conf_pathsfree(&p);
}

int
main(void)
{
    char name[] = "/tmp/conf_test-XXXXXX";

    if (!mkdtemp(name))
        return 1;
    dir = open(name, O_RDONLY | O_DIRECTORY);
    values();
    numbers();
    lists();
    paths();
    close(dir);
    rmdir(name);
    return tap_end();
}
