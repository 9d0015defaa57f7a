#include "queue/reload.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "queue/ledgerkey.h"
#include "queue/rate.h"

static void
ways_free(struct ways *w)
{
    route_free(&w->routes);
    bind_free(&w->binds);
}

/* The ledger's key too where secret is not NULL. */
static int
read_control(const char *control, struct settings *s, struct ways *ways,
             unsigned char *secret, struct buf *why)
{
    int dir, r;

    if ((r = file_opendir(&dir, AT_FDCWD, control)) < 0) {
        buf_print(why, "%s: %s", control, strerror(-r));
        return r;
    }
    if ((r = settings_read(s, dir, why)) == 0)
        r = route_load(&ways->routes, &s->locals, &s->smtproutes, s->me, why);
    if (r == 0)
        r = bind_load(&ways->binds, &s->bindroutes, why);
    if (r == 0)
        r = rate_check(&s->siterate, why);
    if (r == 0 && secret)
        r = ledgerkey_read(dir, secret, why);
    file_close(&dir);
    return r;
}

int
reload_first(struct reload *r, struct manager *m, const char *control,
             unsigned char *secret, struct buf *why)
{
    memset(r, 0, sizeof *r);
    r->manager = m;
    r->control = control;
    return read_control(control, &m->settings, &m->ways, secret, why);
}

static void
drop_retired(struct reload *r)
{
    if (!r->has_retired || r->manager->bouncing)
        return;
    settings_free(&r->retired);
    r->has_retired = false;
}

void
reload_ask(struct reload *r)
{
    struct manager *m = r->manager;
    struct settings s = {0};
    struct ways ways = {0};
    struct buf why = {0};

    drop_retired(r);
    r->asked = r->has_retired;
    if (r->has_retired) {
        log_event("reload why=\"the last one is not over\" then=\"as soon "
                  "as it is\"");
    } else if (read_control(r->control, &s, &ways, NULL, &why) < 0) {
        log_event("reload why=%s then=\"the old settings stay\"",
                  why.data ? why.data : "");
        settings_free(&s);
        ways_free(&ways);
    } else {
        r->retired = m->settings;
        r->has_retired = true;
        ways_free(&m->ways);
        m->settings = s;
        m->ways = ways;
        channel_limit(&m->local, &s);
        channel_limit(&m->remote, &s);
        channel_retry(&m->local, (time_t)s.queuelifetime);
        channel_retry(&m->remote, (time_t)s.queuelifetime);
        drop_retired(r);
        log_event("reload program=manager");
    }
    buf_free(&why);
}

void
reload_tick(struct reload *r)
{
    drop_retired(r);
    if (r->asked && !r->has_retired)
        reload_ask(r);
}
