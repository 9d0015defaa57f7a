#include "queue/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/date.h"
#include "base/file.h"
#include "base/id.h"
#include "base/line.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/answers.h"
#include "queue/ledger_read.h"

/* Between the positions of a ledger kept aside and of the next one. */
static const uint64_t POSITIONS_APART = 1ULL << 32;

/* One after another is the same id often, so that is looked for. */
static void
add_id(uint64_t **ids, size_t *count, uint64_t id)
{
    if (*count && (*ids)[*count - 1] == id)
        return;
    if ((*count & (*count - 1)) == 0)
        *ids = mem_grow(*ids, (*count ? *count * 2 : 1) * sizeof **ids);
    (*ids)[(*count)++] = id;
}

static bool
line_id(struct view text, uint64_t *id)
{
    struct buf b = {0};
    bool ok = line_get(text, "id", &b) && id_parse(buf_view(&b), id);

    buf_free(&b);
    return ok;
}

/* The recipient's record says what the line says. */
static int
mark(struct recovered *rec, const struct store *s, uint64_t id,
     const struct ledger_line *l, enum rcpt_state state)
{
    struct state now = {.state = state, .position = l->position};
    uint64_t index;
    int r;

    if (!line_getnumber(l->text, "rcpt", &index))
        return 0;
    r = store_markone(s, PLACE_INFO, id, index, &now);
    if (r == -ENOENT)
        r = store_markone(s, PLACE_TODO, id, index, &now);
    if (r == 0)
        add_id(&rec->marked, &rec->marked_count, id);
    /* Gone, or to be set aside when it is taken up. */
    return r == -ENOENT || r == -EBADMSG || r == -ENOTSUP ? 0 : r;
}

static int
take_away(const struct store *s, uint64_t id)
{
    int r;

    if ((r = store_unlink(s, PLACE_BOUNCE, id)) < 0 ||
        (r = store_unlink(s, PLACE_INFO, id)) < 0)
        return r;
    return store_unlink(s, PLACE_TODO, id);
}

static int
set_aside(const struct store *s, enum place from, uint64_t id)
{
    unsigned suffix;
    int r = store_aside(s, from, id, &suffix);

    if (r == 0 && (r = store_sync(s, PLACE_BROKEN)) == 0)
        r = store_unlink(s, from, id);
    return r == -ENOENT ? 0 : r;
}

static int
answered(struct recovered *rec, const struct store *s,
         const struct ledger_line *l, uint64_t *id)
{
    struct buf b = {0};
    int r = 0;

    if (line_get(l->text, "answers", &b)) {
        *id = answers_id(buf_view(&b));
        r = answers_mark(s, buf_view(&b), l->position);
        if (r == 0 && *id)
            add_id(&rec->marked, &rec->marked_count, *id);
    }
    buf_free(&b);
    return r;
}

/* Of two files of one name only the one in from was set aside.  Where
 * broken/ has another file of that name, whether this one was meant is not
 * known: it is looked at when it is taken up. */
static int
broken(const struct store *s, const struct ledger_line *l, uint64_t id)
{
    struct buf from = {0};
    enum place place = PLACE_TODO;
    int r = 0;

    if (line_get(l->text, "from", &from)) {
        if (view_is(buf_view(&from), "info"))
            place = PLACE_INFO;
        if ((r = store_link(s, place, PLACE_BROKEN, id)) == 0)
            r = set_aside(s, place, id);
    }
    buf_free(&from);
    return r == -EEXIST || r == -ENOENT ? 0 : r;
}

static int
hold(struct recovered *rec, const struct store *s, uint64_t id, bool on)
{
    enum place place = PLACE_INFO;
    const char *why;
    struct queued q;
    int r = store_load(s, place, id, &q, &why);

    if (r == -ENOENT)
        r = store_load(s, place = PLACE_TODO, id, &q, &why);
    if (r < 0)
        return r == -ENOENT || r == -EBADMSG || r == -ENOTSUP ? 0 : r;
    q.slot.hold = on;
    r = store_slot(s, place, id, &q.slot);
    queued_free(&q);
    add_id(&rec->marked, &rec->marked_count, id);
    return r;
}

/* id: the message whose files could not be changed, if that fails. */
/* model: recover-apply */
static int
apply(struct recovered *rec, const struct store *s,
      const struct ledger_line *l, uint64_t *id)
{
    *id = 0;
    if (!line_id(l->text, id))
        return 0;
    if (ledger_is(l, "deliver"))
        return mark(rec, s, *id, l, DELIVERED);
    if (ledger_is(l, "fail"))
        return mark(rec, s, *id, l, FAILED);
    if (ledger_is(l, "bounce"))
        return mark(rec, s, *id, l, BOUNCED);
    if (ledger_is(l, "accept"))
        return answered(rec, s, l, id);
    if (ledger_is(l, "remove"))
        return take_away(s, *id);
    if (ledger_is(l, "hold") || ledger_is(l, "release"))
        return hold(rec, s, *id, ledger_is(l, "hold"));
    if (ledger_is(l, "broken"))
        return broken(s, l, *id);
    return 0;
}

/* What is read must be on disk before it is acted upon: the last manager may
 * have died between its write and its sync.  What is signed in head was
 * synced. */
/* model: recover-sync */
static int
sync_segments(const struct store *s, uint64_t signed_position)
{
    struct segments all;
    int r = segments_list(s->ledger, &all);

    for (size_t i = 0; r == 0 && i < all.count; i++) {
        char name[SEGMENT_NAME + 1];
        int fd;

        if (i + 1 < all.count && all.bases[i + 1] <= signed_position)
            continue;
        segment_name(all.bases[i], name);
        if ((r = file_open(&fd, s->ledger, name)) == 0)
            r = file_sync(fd);
        file_close(&fd);
    }
    segments_free(&all);
    return r;
}

static int
replay(struct recovered *rec, const struct store *s,
       struct ledger_reader *reader)
{
    struct ledger_line l;
    bool seen = rec->head.position == reader->position;
    uint64_t id;
    int r;

    while ((r = ledger_next(reader, &l)) > 0) {
        rec->lines++;
        if ((r = apply(rec, s, &l, &id)) < 0) {
            id_text text;

            log_event("recover id=%s why=%s then=\"not tried before the next "
                      "start\"", id_print(id, text), strerror(-r));
            add_id(&rec->unread, &rec->unread_count, id);
        }
        if (reader->position == rec->head.position)
            seen = memcmp(&reader->chain, &rec->head.chain,
                          sizeof reader->chain) == 0;
    }
    /* What was signed must be there. */
    if (r == 0 && rec->head.position && !seen)
        r = -EBADMSG;
    rec->base = reader->segments.bases[reader->at];
    rec->position = reader->position;
    rec->chain = reader->chain;
    rec->fresh = reader->torn;
    if (rec->fresh)
        rec->base = reader->segments.bases[reader->segments.count - 1] +
                    reader->size;
    return r;
}

/* The ledger does not verify: kept aside whole, and a new one begins. */
static int
keep_aside(struct recovered *rec, const struct store *s)
{
    struct segments all;
    struct buf stamp = {0};
    int dir, r;

    date_stamp(&stamp, date_now());
    snprintf(rec->aside, sizeof rec->aside, "aside-%s", stamp.data);
    buf_free(&stamp);
    log_event("ledger why=\"does not verify\" then=\"kept in ledger/%s, a "
              "new one begins\"", rec->aside);
    if ((r = file_makedir(s->ledger, rec->aside, 0700)) < 0 ||
        (r = file_opendir(&dir, s->ledger, rec->aside)) < 0)
        return r;
    r = segments_list(s->ledger, &all);
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        char name[SEGMENT_NAME + 1];

        segment_name(all.bases[i], name);
        if (renameat(s->ledger, name, dir, name) < 0)
            r = -errno;
    }
    if (r == 0 && renameat(s->ledger, "head", dir, "head") < 0 &&
        errno != ENOENT)
        r = -errno;
    if (r == 0 && (r = file_sync(dir)) == 0)
        r = file_sync(s->ledger);
    rec->base = all.count ? all.bases[all.count - 1] + POSITIONS_APART : 0;
    rec->position = rec->base;
    memset(&rec->chain, 0, sizeof rec->chain);
    memset(&rec->head, 0, sizeof rec->head);
    rec->gap = rec->fresh = true;
    segments_free(&all);
    file_close(&dir);
    return r;
}

static bool
stop_at_first(void *data, uint64_t id)
{
    *(uint64_t *)data = id;
    return false;
}

/* Whether a manager was here before: somebody was tried, or failed.  1, 0 or
 * an errno. */
static int
was_used(const struct store *s)
{
    uint64_t id = 0;
    size_t foreign;
    int r = store_list(s, PLACE_INFO, stop_at_first, &id, &foreign);

    if (r == 0 && id == 0)
        r = store_list(s, PLACE_BOUNCE, stop_at_first, &id, &foreign);
    return r < 0 ? r : id != 0;
}

static int
read_ledger(struct recovered *rec, const struct store *s)
{
    struct ledger_reader reader;
    int r, h = head_read(s->ledger, &rec->head);

    if (h < 0 && h != -ENOENT && h != -EBADMSG)
        return h;
    if (h < 0)
        memset(&rec->head, 0, sizeof rec->head);
    if ((r = sync_segments(s, rec->head.position)) < 0)
        return r;
    r = ledger_readopen(&reader, s->ledger, rec->head.upto,
                        h == 0 && rec->head.upto ? &rec->head.upto_chain
                                                 : NULL);
    if (r == -ENOENT) {
        /* None at all: the first start, unless something says otherwise. */
        rec->fresh = true;
        r = was_used(s);
        return r < 0 ? r : r > 0 || h != -ENOENT ? -EBADMSG : 0;
    }
    if (r == 0)
        r = replay(rec, s, &reader);
    ledger_readclose(&reader);
    /* A head that is no head says nothing of what was signed. */
    return r == 0 && h == -EBADMSG ? -EBADMSG : r;
}

struct names {
    const struct store *store;
    struct recovered *rec;
};

/* A name in both folders: one file loses the todo/ name, a second file is
 * set aside.  What fails for one message holds up no other. */
/* model: recover-names */
static bool
one_name(void *data, uint64_t id)
{
    struct names *n = data;
    id_text text;
    int r = store_has(n->store, PLACE_INFO, id);

    if (r == 0)
        return true;
    if (r > 0)
        r = store_link(n->store, PLACE_TODO, PLACE_INFO, id);
    if (r == -EEXIST) {
        r = set_aside(n->store, PLACE_TODO, id);
        if (r == 0)
            add_id(&n->rec->twice, &n->rec->twice_count, id);
    } else if (r == 0 && (r = store_sync(n->store, PLACE_INFO)) == 0) {
        r = store_unlink(n->store, PLACE_TODO, id);
    }
    if (r < 0) {
        log_event("recover id=%s doing=\"one name\" why=%s then=\"not tried "
                  "before the next start\"", id_print(id, text),
                  strerror(-r));
        add_id(&n->rec->unread, &n->rec->unread_count, id);
    }
    return true;
}

int
recover(struct recovered *rec, const struct store *s, const char **why)
{
    struct names names = {s, rec};
    size_t foreign;
    int r;

    memset(rec, 0, sizeof *rec);
    *why = "read the ledger";
    r = read_ledger(rec, s);
    if (r == -EBADMSG)
        r = keep_aside(rec, s);
    if (r < 0)
        return r;
    *why = "put names in todo/ and info/ right";
    return store_list(s, PLACE_TODO, one_name, &names, &foreign);
}

void
recovered_free(struct recovered *r)
{
    free(r->twice);
    free(r->unread);
    free(r->marked);
    memset(r, 0, sizeof *r);
}
