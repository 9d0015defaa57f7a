/* godwit-local - delivers to the accounts of this host
 *
 * Descriptor 3 is the manager, 4 the end of the life pipe. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "local/dispatch.h"
#include "local/lookup.h"

enum { FD_MANAGER = 3, FD_LIFE = 4, FILES_WANTED = 65536 };

static struct local {
    struct settings settings;
    struct dispatch dispatch;
} local;

/* Each delivery under way costs a few descriptors. */
static void
raise_files(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= FILES_WANTED)
        return;
    l.rlim_cur = l.rlim_max < FILES_WANTED ? l.rlim_max : FILES_WANTED;
    setrlimit(RLIMIT_NOFILE, &l);
}

static void
open_queue(int *folder, const char *path)
{
    int r = file_opendir(folder, AT_FDCWD, path);

    if (r < 0)
        log_die("fatal program=local folder=%s why=%s", path, strerror(-r));
}

static void
start_forker(int *sock)
{
    struct child_facts facts = {
        .me = local.settings.me,
        .instruction = local.settings.defaultdelivery,
        .become = !local.settings.private,
    };
    int r = forker_start(&facts, FD_LIFE, sock);

    if (r < 0)
        log_die("fatal program=local why=%s", strerror(-r));
}

int
main(void)
{
    struct conf_paths paths;
    int r;

    if (fcntl(FD_MANAGER, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(FD_LIFE, F_SETFD, FD_CLOEXEC) < 0)
        log_die("fatal program=local why=\"descriptors 3 and 4 are not open; "
                "it is started by the manager\"");
    conf_paths(&paths);
    settings_read(&local.settings, paths.control);
    open_queue(&local.dispatch.folder, paths.queue);
    conf_pathsfree(&paths);
    if (sodium_init() < 0)
        log_die("fatal program=local why=\"no libsodium\"");
    start_forker(&local.dispatch.crew.forker);
    raise_files();
    signal(SIGPIPE, SIG_IGN);
    /* Lookups and copies wait on others; more of them than processors. */
    setenv("UV_THREADPOOL_SIZE", "16", 0);
    mem_share_arenas();

    local.dispatch.rules.lookup = lookup_account;
    r = dispatch_start(&local.dispatch, uv_default_loop(), &local.settings,
                       FD_MANAGER);
    if (r < 0)
        log_die("fatal program=local why=%s", strerror(-r));
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    settings_free(&local.settings);
    return 0;
}
