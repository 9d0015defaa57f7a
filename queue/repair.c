/* godwit queue --check and --repair: what a file-system check left behind */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/commands.h"
#include "queue/folders.h"
#include "queue/look.h"
#include "queue/survey.h"

struct repair {
    struct look look;
    struct instance instance;
    struct survey survey;
    bool mend;
    char **files;
};

static void
on_folder(void *data, const char *name, const char *what, enum act act,
          int error)
{
    tally_part(data, name, (struct finding){act, what}, error);
}

static int
refuse(const struct repair *r, const char *what, const char *why)
{
    fprintf(stderr, "godwit queue: %s%s%s: %s\n", r->instance.paths.queue,
            *what ? "/" : "", what, why);
    return EXIT_LATER;
}

/* The lock of start and its programs: held to the end by who mends. */
static int
take_lock(struct repair *r, int *fd)
{
    struct buf path = {0};
    int e = 0;

    buf_print(&path, "%s/lock", r->instance.paths.queue);
    *fd = open(path.data, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 || flock(*fd, (r->mend ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0)
        e = errno;
    buf_free(&path);
    if (r->mend && e == EWOULDBLOCK)
        return refuse(r, "", "an instance runs on this spool; stop godwit "
                      "first");
    if (r->mend && e)
        return refuse(r, "lock", e == ENOENT ? "missing; godwit init makes it"
                                             : strerror(e));
    r->survey.running = e != 0;
    if (!r->mend)
        file_close(fd);
    return 0;
}

static int
open_instance(struct repair *r, struct stat *queue)
{
    const char *missing = "";
    int e;

    instance_open(&r->instance);
    if (stat(r->instance.paths.queue, queue) < 0)
        return refuse(r, "", errno == ENOENT
                                 ? "no instance there; godwit init makes one"
                                 : strerror(errno));
    r->instance.split = queue->st_uid == 0;
    if ((e = instance_findusers(&r->instance, &missing)) < 0) {
        fprintf(stderr, "godwit queue: user %s: %s\n", missing,
                strerror(-e));
        return EXIT_LATER;
    }
    if (r->mend && !r->instance.split && queue->st_uid != geteuid())
        return refuse(r, "", "belongs to another user; run it as that user");
    return 0;
}

static int
run(struct repair *r)
{
    struct survey *s = &r->survey;
    struct stat queue;
    int lock = -1, lost = -1, code;

    if ((code = open_instance(r, &queue)) || (code = take_lock(r, &lock)))
        return code;
    folders_look(&r->instance, queue.st_uid, r->mend, on_folder,
                 &s->tally);
    code = look_open(&r->look, "queue");
    if (code == 0) {
        lost = openat(r->look.store.queue, "lost+found",
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (lost < 0 && errno != ENOENT)
            tally_part(&s->tally, "lost+found",
                       (struct finding){ACT_CANNOT, strerror(errno)}, 0);
        inspect_open(&s->inspect, &r->look.store, &r->instance, queue.st_uid,
                     lost);
        survey_run(s, r->files);
        inspect_close(&s->inspect);
        tally_sum(&s->tally);
        code = look_end(&r->look, tally_code(&s->tally));
    }
    look_close(&r->look);
    file_close(&lost);
    file_close(&lock);
    return code;
}

int
repair_main(int argc, char **argv)
{
    struct repair r = {0};
    int code, n = 1;

    for (; n < argc && strncmp(argv[n], "--", 2) == 0; n++) {
        if (strcmp(argv[n], "--") == 0) {
            n++;
            break;
        }
        if (strcmp(argv[n], "--repair") == 0) {
            r.mend = true;
        } else if (strcmp(argv[n], "--json") == 0) {
            r.survey.tally.json = true;
        } else if (strcmp(argv[n], "--check") != 0) {
            fprintf(stderr, "godwit queue: \"%s\" does not go with --check "
                    "or --repair\n", argv[n]);
            return EXIT_USAGE;
        }
    }
    r.survey.tally.mend = r.mend;
    r.files = argv + n;
    code = run(&r);
    survey_free(&r.survey);
    instance_free(&r.instance);
    return code;
}
