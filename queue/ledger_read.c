#include "queue/ledger_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/line.h"
#include "base/mem.h"

enum { AHEAD = 256 * 1024, STAMP_LEN = 24 };

static uint64_t
base_of(const struct ledger_reader *r)
{
    return r->segments.bases[r->at];
}

/* Opens the segment at r->at, to be read from r->position. */
static int
open_segment(struct ledger_reader *r)
{
    char name[SEGMENT_NAME + 1];
    struct stat st;
    int e;

    file_close(&r->fd);
    segment_name(base_of(r), name);
    if ((e = file_open(&r->fd, r->dir, name)) < 0)
        return e;
    if (fstat(r->fd, &st) < 0)
        return file_errno();
    r->size = (uint64_t)st.st_size;
    buf_clear(&r->bytes);
    r->end = r->position;
    return 0;
}

/* The chain before a segment's first line, as that line itself has it. */
static bool
own_chain(struct view line, struct chain *c)
{
    struct buf prev = {0};
    bool ok = line_get(line, "prev", &prev) &&
              chain_parse(c, buf_view(&prev));

    buf_free(&prev);
    return ok;
}

/* What the first line of a segment says.  0; -ENODATA if it has no such line
 * (its writing failed: it is void); or an errno. */
static int
first_line(int dir, uint64_t base, struct ledger_seam *seam)
{
    char name[SEGMENT_NAME + 1];
    struct view line, text;
    struct chain chain;
    char bytes[512];
    ssize_t n;
    int fd, r;

    segment_name(base, name);
    if ((r = file_open(&fd, dir, name)) < 0)
        return r;
    n = pread(fd, bytes, sizeof bytes, 0);
    r = n < 0 ? file_errno() : 0;
    file_close(&fd);
    if (r < 0)
        return r;
    line = view_make(bytes, (size_t)n);
    line.len = view_find(line, '\n');
    if (!own_chain(line, &seam->prev))
        return -ENODATA;
    chain = seam->prev;
    if (!chain_check(&chain, line, &text) ||
        !line_getnumber(text, "after", &seam->after))
        return -ENODATA;
    seam->valid = true;
    return 0;
}

static int
read_seams(struct ledger_reader *r)
{
    r->seams = mem_alloc((r->segments.count + 1) * sizeof *r->seams);
    for (size_t i = r->at + 1; i < r->segments.count; i++) {
        int e = first_line(r->dir, r->segments.bases[i], &r->seams[i]);

        if (e < 0 && e != -ENODATA)
            return e;
    }
    return 0;
}

/* Where the segment at hand ends, because a later one goes on there: the
 * last that does, for where writing failed there may be several. */
static void
find_seam(struct ledger_reader *r)
{
    uint64_t base = base_of(r), end;

    r->seam = NULL;
    if (r->at + 1 == r->segments.count)
        return;
    end = r->segments.bases[r->at + 1];
    for (size_t i = r->at + 1; i < r->segments.count; i++) {
        struct ledger_seam *seam = &r->seams[i];

        if (seam->valid && seam->after > end)
            break;
        /* At the base itself: not even its first line counts. */
        if (seam->valid && seam->after >= base)
            r->seam = seam;
    }
}

int
ledger_readopen(struct ledger_reader *r, int ledgerdir, uint64_t position,
                const struct chain *chain)
{
    int e;

    memset(r, 0, sizeof *r);
    r->dir = ledgerdir;
    r->fd = -1;
    if ((e = segments_list(ledgerdir, &r->segments)) < 0)
        return e;
    if (r->segments.count == 0)
        return -ENOENT;
    if (chain) {
        r->chain = *chain;
        r->position = position;
        while (r->at + 1 < r->segments.count &&
               r->segments.bases[r->at + 1] <= position)
            r->at++;
        if (base_of(r) > position)
            return -EBADMSG;
    } else {
        r->position = base_of(r);
        r->fresh = true;
    }
    if ((e = read_seams(r)) < 0)
        return e;
    find_seam(r);
    return open_segment(r);
}

/* Reads ahead; 0 when nothing more is there. */
static int
fill(struct ledger_reader *r)
{
    uint64_t left = base_of(r) + r->size - r->end;
    size_t part = left < AHEAD ? (size_t)left : AHEAD;
    int e;

    if (part == 0 || r->end >= base_of(r) + r->size)
        return 0;
    buf_reserve(&r->bytes, part);
    e = file_pread(r->fd, r->bytes.data + r->bytes.len, part,
                   r->end - base_of(r));
    if (e < 0)
        return e == -ENODATA ? 0 : e;
    r->bytes.len += part;
    r->bytes.data[r->bytes.len] = 0;
    r->end += part;
    return 1;
}

/* The bytes up to the next newline; 0 if there are none. */
static int
peek(struct ledger_reader *r, struct view *line)
{
    for (;;) {
        struct view v = buf_view(&r->bytes);
        int e;

        /* Consumed bytes stay in front until the buffer is read again. */
        v = view_from(v, r->bytes.len - (size_t)(r->end - r->position));
        line->len = view_find(v, '\n');
        line->data = v.data;
        if (line->len < v.len)
            return 1;
        if (v.len > LEDGER_LINE_MAX + 200)
            return 0;
        buf_consume(&r->bytes, r->bytes.len - v.len);
        if ((e = fill(r)) <= 0)
            return e;
    }
}

static bool
split(struct view text, struct ledger_line *l)
{
    l->text = view_from(text, STAMP_LEN + 1);
    return text.len > STAMP_LEN &&
           date_parse(view_make(text.data, STAMP_LEN), &l->ms);
}

static bool
rest_is_blank(struct ledger_reader *r)
{
    uint64_t end = base_of(r) + r->size;

    for (;;) {
        size_t have = (size_t)(r->end - r->position);
        const char *p = r->bytes.data + r->bytes.len - have;

        for (size_t i = 0; i < have; i++)
            if (p[i] != '\n')
                return false;
        r->position += have;
        buf_clear(&r->bytes);
        if (r->position >= end || fill(r) <= 0)
            return true;
    }
}

/* No further line counts here: a later segment goes on, or it is the end. */
static int
next_segment(struct ledger_reader *r, struct ledger_line *l)
{
    uint64_t stop = r->position;
    struct ledger_seam *seam = r->seam;
    struct view line, text;
    int e;

    if (!seam) {
        r->torn = !rest_is_blank(r) || r->at + 1 < r->segments.count;
        r->position = stop;
        return 0;
    }
    if (seam->after != stop ||
        memcmp(&seam->prev, &r->chain, sizeof r->chain) != 0)
        return -EBADMSG;
    r->at = (size_t)(seam - r->seams);
    r->position = base_of(r);
    find_seam(r);
    if ((e = open_segment(r)) < 0 || (e = peek(r, &line)) < 0)
        return e;
    if (!chain_check(&r->chain, line, &text) || !split(text, l))
        return -EBADMSG;
    l->position = r->position;
    l->whole = line;
    r->position += line.len + 1;
    return 1;
}

int
ledger_next(struct ledger_reader *r, struct ledger_line *l)
{
    struct view line, text;
    struct chain chain;
    int e;

    /* Lines behind the seam are void, however good they look. */
    if (r->seam && r->position == r->seam->after)
        return next_segment(r, l);
    if ((e = peek(r, &line)) < 0)
        return e;
    if (e == 0 || line.len == 0)
        return next_segment(r, l);
    if (r->fresh && own_chain(line, &chain))
        r->chain = chain;
    chain = r->chain;
    if (!chain_check(&chain, line, &text) || !split(text, l))
        return next_segment(r, l);
    r->fresh = false;
    r->chain = chain;
    l->position = r->position;
    l->whole = line;
    r->position += line.len + 1;
    return 1;
}

void
ledger_readclose(struct ledger_reader *r)
{
    file_close(&r->fd);
    segments_free(&r->segments);
    free(r->seams);
    r->seams = NULL;
    buf_free(&r->bytes);
}

bool
ledger_is(const struct ledger_line *line, const char *event)
{
    size_t len = strlen(event);

    return line->text.len >= len && memcmp(line->text.data, event, len) == 0 &&
           (line->text.len == len || line->text.data[len] == ' ');
}
