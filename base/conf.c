#include "base/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static char *
join(const char *home, const char *name)
{
    struct buf b = {0};

    if (home[0] != '/') {
        char *cwd = getcwd(NULL, 0);

        buf_print(&b, "%s/", cwd ? cwd : ".");
        free(cwd);
    }
    buf_print(&b, "%s/%s", home, name);
    return b.data;
}

void
conf_paths(struct conf_paths *p)
{
    const char *home = getenv("GODWIT_HOME");

    if (home && *home) {
        p->control = join(home, "control");
        p->queue = join(home, "queue");
        p->run = join(home, "run");
    } else {
        p->control = mem_string(CONTROLDIR);
        p->queue = mem_string(QUEUEDIR);
        p->run = mem_string(RUNDIR);
    }
}

void
conf_pathsfree(struct conf_paths *p)
{
    free(p->control);
    free(p->queue);
    free(p->run);
    memset(p, 0, sizeof *p);
}

int
conf_value(int controldir, const char *name, char **value)
{
    struct buf b = {0};
    struct view all, line = {"", 0};
    int r = file_read(controldir, name, CONF_FILE_MAX, &b);

    *value = NULL;
    if (r == 0) {
        all = buf_view(&b);
        view_line(&all, &line);
        line = view_trim(line);
        *value = mem_dup(line.data, line.len);
    }
    buf_free(&b);
    return r == -ENOENT ? 0 : r;
}

int
conf_number(int controldir, const char *name, uint64_t fallback, uint64_t max,
            uint64_t *n)
{
    char *value;
    int r = conf_value(controldir, name, &value);

    *n = fallback;
    if (r == 0 && value && *value && !view_number(view_of(value), max, n))
        r = -EINVAL;
    free(value);
    return r;
}

int
conf_list(int controldir, const char *name, struct conf_list *list)
{
    struct buf b = {0};
    struct view all, line;
    unsigned number = 0;
    size_t room = 0;
    int r = file_read(controldir, name, CONF_FILE_MAX, &b);

    memset(list, 0, sizeof *list);
    all = buf_view(&b);
    while (r == 0 && view_line(&all, &line)) {
        number++;
        line = view_trim(line);
        if (line.len == 0 || line.data[0] == '#')
            continue;
        if (list->count == room) {
            room = room ? room * 2 : 8;
            list->items = mem_grow(list->items, room * sizeof *list->items);
            list->lines = mem_grow(list->lines, room * sizeof *list->lines);
        }
        list->lines[list->count] = number;
        list->items[list->count++] = mem_dup(line.data, line.len);
    }
    buf_free(&b);
    return r;
}

void
conf_listfree(struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    free(list->lines);
    memset(list, 0, sizeof *list);
}
