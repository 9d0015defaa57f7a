#include "inject/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/conf.h"
#include "base/date.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/submit.h"

static char *
host_name(void)
{
    char name[256] = "";
    const char *why;

    if (gethostname(name, sizeof name - 1) < 0 ||
        !addr_domain(view_of(name), &why))
        strcpy(name, "localhost");
    return mem_string(name);
}

/* What is behind the first dot of me; all of me where nothing there has a
 * dot: example.org is its own domain, not one of org. */
static const char *
domain_of(const char *me)
{
    const char *dot = strchr(me, '.');

    if (!dot || *me == '[')
        return "";
    return strchr(dot + 1, '.') ? dot + 1 : me;
}

/* One setting.  controldir -1: there is no folder. */
static enum verdict
read_name(int controldir, const char *file, const char *fallback, char **value,
          struct outcome *o)
{
    const char *why;
    int r = 0;

    if (controldir >= 0 && (r = conf_value(controldir, file, value)) < 0)
        return outcome_errno(o, r, "cannot read control/%s", file);
    if (*value && **value == 0) {
        free(*value);
        *value = NULL;
    }
    if (*value && !addr_domain(view_of(*value), &why))
        return outcome_set(o, LATER, "4.3.5", "control/%s: \"%.100s\": %s",
                           file, *value, why);
    if (!*value)
        *value = fallback ? mem_string(fallback) : host_name();
    return DONE;
}

static enum verdict
read_names(struct facts *f, int dir, struct outcome *o)
{
    uint64_t wait = SUBMIT_WAIT;
    enum verdict v;
    int r;

    if ((v = read_name(dir, "me", NULL, &f->me, o)) != DONE ||
        (v = read_name(dir, "defaulthost", f->me, &f->defaulthost, o)) ||
        (v = read_name(dir, "defaultdomain", domain_of(f->me),
                       &f->defaultdomain, o)) ||
        (v = read_name(dir, "plusdomain", domain_of(f->me), &f->plusdomain,
                       o)) ||
        (v = read_name(dir, "idhost", f->me, &f->idhost, o)))
        return v;
    if (dir >= 0 && (r = conf_number(dir, "submitwait", SUBMIT_WAIT, 86400,
                                     &wait)) < 0)
        return r == -EINVAL
                   ? outcome_set(o, LATER, "4.3.5", "control/submitwait: not "
                                 "a number of seconds")
                   : outcome_errno(o, r, "cannot read control/submitwait");
    f->submitwait = (unsigned)wait;
    return outcome_set(o, DONE, "2.0.0", "read");
}

static enum verdict
read_rewrite(struct facts *f, int dir, struct outcome *o)
{
    static const char *const files[] = {"canonical", "masquerade"};
    struct conf_list lists[2] = {{0}, {0}};
    struct buf why = {0};
    struct view all, line;
    enum verdict v = DONE;

    for (size_t i = 0; i < 2 && v == DONE; i++) {
        int r = conf_list(dir, files[i], &lists[i]);

        if (r < 0 && r != -ENOENT)
            v = outcome_errno(o, r, "cannot read control/%s", files[i]);
    }
    if (v == DONE &&
        rewrite_load(&f->rewrite, &lists[0], &lists[1], &why) < 0) {
        all = buf_view(&why);
        view_line(&all, &line);
        v = outcome_set(o, LATER, "4.3.5", "%.*s", (int)line.len, line.data);
    }
    conf_listfree(&lists[0]);
    conf_listfree(&lists[1]);
    buf_free(&why);
    return v;
}

enum verdict
facts_read(struct facts *f, struct outcome *o)
{
    struct conf_paths paths;
    enum verdict v;
    int dir, r;

    memset(f, 0, sizeof *f);
    conf_paths(&paths);
    r = file_opendir(&dir, AT_FDCWD, paths.control);
    if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -EACCES && r != -EPERM)
        v = outcome_errno(o, r, "cannot open %s", paths.control);
    else
        v = read_names(f, dir, o);
    if (v == DONE && dir >= 0)
        v = read_rewrite(f, dir, o);
    file_close(&dir);
    conf_pathsfree(&paths);
    return v;
}

void
facts_free(struct facts *f)
{
    free(f->me);
    free(f->defaulthost);
    free(f->defaultdomain);
    free(f->plusdomain);
    free(f->idhost);
    rewrite_free(&f->rewrite);
    memset(f, 0, sizeof *f);
}

struct qualify
facts_names(const struct facts *f)
{
    struct qualify q = {f->me, f->defaulthost, f->defaultdomain,
                        f->plusdomain};

    return q;
}

uint64_t
facts_chance(void)
{
    uint64_t n;

    /* No kernel of today fails here; time alone then still differs. */
    if (getrandom(&n, sizeof n, 0) != sizeof n)
        n = date_now() ^ ((uint64_t)getpid() << 40);
    return n;
}
