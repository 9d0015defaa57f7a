#include "queue/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "queue/blocks.h"

enum { REPORT_FRONT = 2 * BLOCK_LINE_MAX };

const char *
spot_name(enum spot spot)
{
    return spot < (enum spot)PLACES ? place_name((enum place)spot)
           : spot == SPOT_LEDGER    ? "ledger"
           : spot == SPOT_LOST      ? "lost+found"
                                    : "";
}

void
inspect_open(struct inspect *in, const struct store *s,
             const struct instance *i, uint32_t owner, int lost)
{
    memset(in, 0, sizeof *in);
    in->store = s;
    memcpy(in->dirs, s->dirs, sizeof s->dirs);
    in->dirs[SPOT_LEDGER] = s->ledger;
    in->dirs[SPOT_LOST] = lost;
    in->dirs[SPOT_FILE] = AT_FDCWD;
    in->rights.split = i->split;
    in->rights.spool = i->split ? i->users[USER_SPOOL].uid : owner;
    in->rights.queue = i->split ? i->users[USER_QUEUE].uid : owner;
    in->rights.group = i->users[USER_SPOOL].gid;
}

void
inspect_close(struct inspect *in)
{
    fates_free(&in->fates);
    idset_free(&in->coming);
}

bool
inspect_rights(const struct inspect *in, enum spot spot, const char *name,
               struct seen *s)
{
    struct stat st;

    memset(s, 0, sizeof *s);
    s->spot = spot;
    if (fstatat(in->dirs[spot], name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        s->error = -errno;
        return errno != ENOENT || spot == SPOT_FILE;
    }
    s->regular = S_ISREG(st.st_mode);
    s->links = st.st_nlink > 1;
    s->rights = rights_right(&in->rights, spot, st.st_uid, st.st_gid,
                             st.st_mode & 07777);
    return true;
}

static int
read_front(int dir, const char *name, unsigned char *front, size_t len)
{
    int fd, r = file_open(&fd, dir, name);

    if (r == 0)
        r = file_pread(fd, front, len, 0);
    file_close(&fd);
    return r;
}

/* What stands under name in dir, beside the file at hand. */
static enum taken
taken(const struct inspect *in, enum spot spot, const char *own, int dir,
      const char *name, struct seen *s)
{
    unsigned char a[HEADER_LEN], b[HEADER_LEN];
    struct stat mine, its;

    if (dir == in->dirs[spot] && strcmp(own, name) == 0)
        return TAKEN_NOT;
    if (fstatat(dir, name, &its, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            s->error = -errno;
        return TAKEN_NOT;
    }
    if (fstatat(in->dirs[spot], own, &mine, AT_SYMLINK_NOFOLLOW) < 0) {
        s->error = -errno;
        return TAKEN_NOT;
    }
    if (mine.st_ino == its.st_ino && mine.st_dev == its.st_dev)
        return TAKEN_SAME;
    if (read_front(in->dirs[spot], own, a, sizeof a) == 0 &&
        read_front(dir, name, b, sizeof b) == 0 &&
        memcmp(a, b, sizeof a) == 0)
        return TAKEN_COPY;
    return TAKEN_OTHER;
}

/* The same for a message's id: in todo/, info/ or broken/. */
static enum taken
taken_id(const struct inspect *in, const char *own, uint64_t id,
         struct seen *s)
{
    enum taken best = TAKEN_NOT;
    id_text name;

    id_print(id, name);
    if (s->named)
        return s->spot == SPOT_TODO
                   ? taken(in, s->spot, own, in->dirs[SPOT_INFO], name, s)
                   : TAKEN_NOT;
    for (int p = PLACE_TODO; p <= PLACE_BROKEN; p++) {
        enum taken t = taken(in, s->spot, own, in->dirs[p], name, s);

        if (t == TAKEN_SAME)
            return t;
        if (best != TAKEN_OTHER && t != TAKEN_NOT)
            best = t;
    }
    return best;
}

/* 1, 0 or a negative errno. */
static int
has_message(const struct inspect *in, uint64_t id)
{
    int r = 0;

    for (int p = PLACE_TODO; r == 0 && p <= PLACE_BROKEN; p++)
        r = store_has(in->store, (enum place)p, id);
    return r == 0 ? idset_has(&in->coming, id) : r;
}

struct guess {
    struct view line;
    uint64_t id;
};

static bool
try_id(void *data, uint64_t id)
{
    struct guess *g = data;
    struct blocks blocks = {0};

    blocks_parse(&blocks, id, g->line);
    if (blocks.count)
        g->id = id;
    blocks_free(&blocks);
    return g->id == 0;
}

/* Reports do not say whose they are, but their check does: every message
 * that is there is tried. */
static void
read_reports(const struct inspect *in, const char *name, struct seen *s,
             uint64_t *id)
{
    struct buf front = {0};
    struct guess g = {0};
    struct view rest, line;
    size_t foreign;
    int fd, r = file_open(&fd, in->dirs[s->spot], name);

    buf_reserve(&front, REPORT_FRONT);
    if (r == 0) {
        ssize_t n = pread(fd, front.data, REPORT_FRONT, 0);

        front.len = n > 0 ? (size_t)n : 0;
        r = n < 0 ? file_errno() : 0;
    }
    file_close(&fd);
    rest = buf_view(&front);
    while (!g.line.len && view_line(&rest, &line) &&
           (!line.len || memcmp(line.data, "fail ", 5 < line.len
                                                        ? 5 : line.len) == 0))
        g.line = line;
    if (g.line.len)
        s->bytes = BYTES_REPORTS;
    for (int p = PLACE_TODO; r == 0 && g.line.len && !g.id &&
                             p <= PLACE_BROKEN; p++)
        r = store_list(in->store, (enum place)p, try_id, &g, &foreign);
    for (size_t i = 0; r == 0 && g.line.len && !g.id &&
                       i < in->coming.room; i++)
        if (in->coming.slots[i])
            try_id(&g, in->coming.slots[i]);
    if (r < 0)
        s->error = r;
    if (g.id) {
        id_text text;

        s->message = s->has_id = true;
        *id = g.id;
        s->taken = taken(in, s->spot, name, in->dirs[SPOT_BOUNCE],
                         id_print(g.id, text), s);
    }
    buf_free(&front);
}

static void
read_message(const struct inspect *in, const char *name, struct seen *s,
             uint64_t *id)
{
    uint64_t own = *id;
    const char *why;
    struct queued q = {.fd = -1};
    int fd, r = file_open(&fd, in->dirs[s->spot], name);

    if (r == 0 && (r = store_loadfd(fd, &q, &why)) == 0)
        r = store_verify(&q);
    queued_free(&q);
    s->has_id = q.id != 0;
    s->named = s->has_id && s->form == FORM_ID && q.id == own;
    if (s->has_id && (r == 0 || s->form != FORM_ID))
        *id = q.id;
    if (r == 0)
        s->bytes = BYTES_WHOLE;
    else if (r == -ENOTSUP)
        s->bytes = BYTES_NEWER;
    else if (r == -EBADMSG)
        s->bytes = BYTES_DAMAGED;
    else
        s->error = r;
    if (s->bytes == BYTES_WHOLE) {
        s->taken = taken_id(in, name, *id, s);
        s->fate = fates_get(&in->fates, *id);
    }
}

bool
inspect_name(const struct inspect *in, enum spot spot, const char *name,
             struct seen *s, uint64_t *id)
{
    int r;

    *id = 0;
    if (!inspect_rights(in, spot, name, s))
        return false;
    if (spot == SPOT_LEDGER) {
        s->form = finding_ledgername(name) ? FORM_ID : FORM_OTHER;
        /* A ledger that was kept aside. */
        return s->regular || strncmp(name, "aside-", 6) != 0;
    }
    if (spot != SPOT_LOST && spot != SPOT_FILE)
        s->form = finding_form(name, id);
    else
        s->form = FORM_OTHER;
    if (s->error || !s->regular || spot == SPOT_BROKEN)
        return true;
    if (spot == SPOT_BOUNCE) {
        r = *id ? has_message(in, *id) : 0;
        s->error = r < 0 ? r : 0;
        s->message = r > 0;
        return true;
    }
    read_message(in, name, s, id);
    if (s->bytes == BYTES_DAMAGED && !s->has_id &&
        (spot == SPOT_LOST || spot == SPOT_FILE)) {
        s->bytes = BYTES_OTHER;
        read_reports(in, name, s, id);
    }
    return s->error != -ENOENT || spot == SPOT_FILE;
}

static int
read_ledger(struct inspect *in, bool *whole)
{
    struct ledger_reader reader;
    struct ledger_head head;
    struct ledger_line l;
    int dir = in->store->ledger, e, h = head_read(dir, &head);

    *whole = h == 0 || h == -ENOENT;
    if (h < 0 && h != -ENOENT && h != -EBADMSG)
        return h;
    e = ledger_readopen(&reader, dir, 0, NULL);
    if (e == -ENOENT) {
        *whole = h == -ENOENT;
        return 0;
    }
    while (e == 0 && (e = ledger_next(&reader, &l)) > 0) {
        fates_line(&in->fates, &l);
        e = 0;
    }
    if (e == -EBADMSG || (h == 0 && reader.position < head.position))
        *whole = false;
    ledger_readclose(&reader);
    return e == -EBADMSG ? 0 : e;
}

int
inspect_ledger(struct inspect *in, const struct fates *ids, bool *whole)
{
    int r;

    fates_free(&in->fates);
    in->fates = *ids;
    r = read_ledger(in, whole);
    in->fates.unsure = r < 0 || !*whole;
    return r;
}
