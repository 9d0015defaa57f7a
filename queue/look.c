#include "queue/look.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/line.h"
#include "queue/commands.h"

static const char *
advice(int r)
{
    if (r == -EACCES || r == -EPERM)
        return "; run it as root or the spool's user";
    return r == -ENOENT ? "; godwit init makes an instance" : "";
}

int
look_fail(const struct look *l, const char *path, int r)
{
    fprintf(stderr, "godwit %s: %s%s%s: %s%s\n", l->word, l->paths.queue,
            *path ? "/" : "", path, strerror(-r), advice(r));
    return EXIT_LATER;
}

int
look_open(struct look *l, const char *word)
{
    int r;

    memset(l, 0, sizeof *l);
    l->word = word;
    conf_paths(&l->paths);
    r = store_open(&l->store, l->paths.queue);
    if (r == 0)
        return 0;
    look_fail(l, "", r);
    look_close(l);
    return EXIT_LATER;
}

void
look_close(struct look *l)
{
    store_close(&l->store);
    conf_pathsfree(&l->paths);
}

int
look_end(const struct look *l, int code)
{
    if (fflush(stdout) == EOF || ferror(stdout)) {
        fprintf(stderr, "godwit %s: standard output: %s\n", l->word,
                strerror(errno));
        return EXIT_LATER;
    }
    return code;
}

bool
look_id(struct view text, const char *key, uint64_t *id)
{
    struct buf b = {0};
    bool ok = line_get(text, key, &b) && id_parse(buf_view(&b), id);

    buf_free(&b);
    return ok;
}
