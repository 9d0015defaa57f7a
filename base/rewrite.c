#include "base/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/envelope.h"
#include "base/mem.h"

enum kind { CANONICAL, MASQUERADE };

/* Owned strings; key is in small letters. */
struct rewrite_row {
    enum kind kind;
    char *key; /* address, @domain; of masquerade the domain */
    char *to;  /* address, @domain; of masquerade NULL: leave it */
    unsigned line;
};

/* What a line is about, for its fault. */
struct place {
    const char *file;
    unsigned line;
    struct buf *why;
};

static char
small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char *
small_string(struct view v)
{
    char *s = mem_dup(v.data, v.len);

    for (char *p = s; *p; p++)
        *p = small(*p);
    return s;
}

static int
fault(const struct place *p, struct view v, const char *text)
{
    buf_print(p->why, "control/%s:%u: '%.*s' is no %s\n", p->file, p->line,
              (int)(v.len < 200 ? v.len : 200), v.data, text);
    return -EINVAL;
}

static void
add(struct rewrite *r, enum kind kind, struct view key, char *to,
    unsigned line)
{
    r->rows = mem_grow(r->rows, (r->count + 1) * sizeof *r->rows);
    r->rows[r->count++] =
        (struct rewrite_row){kind, small_string(key), to, line};
}

static bool
is_address(struct view v)
{
    struct view local, domain;
    const char *why;

    if (v.len > ADDRESS_MAX || addr_unclean(v))
        return false;
    addr_split(v, &local, &domain);
    return domain.len && addr_domain(domain, &why);
}

/* The colon between two addresses: one in quotes or brackets is theirs. */
static size_t
find_colon(struct view v)
{
    bool quoted = false, literal = false;

    for (size_t i = 0; i < v.len; i++) {
        char c = v.data[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == ']'))
            literal = c == '[';
        else if (!quoted && !literal && c == ':')
            return i;
    }
    return v.len;
}

static int
load_canonical(struct rewrite *r, const struct place *p, struct view line)
{
    size_t colon = find_colon(line);
    struct view from = view_trim(view_make(line.data, colon));
    struct view to = view_trim(view_from(line, colon + 1));

    if (!is_address(from))
        return fault(p, from, "address or @domain");
    if (!is_address(to))
        return fault(p, to, "address or @domain");
    if ((from.data[0] == '@') != (to.data[0] == '@'))
        return fault(p, line, "pair of addresses or of @domains");
    add(r, CANONICAL, from, mem_dup(to.data, to.len), p->line);
    return 0;
}

static int
load_masquerade(struct rewrite *r, const struct place *p, struct view line)
{
    bool except = line.data[0] == '!';
    struct view domain = view_trim(view_from(line, except));
    const char *why;

    if (domain.len == 0 || domain.data[0] == '[' ||
        !addr_domain(domain, &why))
        return fault(p, domain, "domain");
    add(r, MASQUERADE, domain,
        except ? NULL : mem_dup(domain.data, domain.len), p->line);
    return 0;
}

static int
load(struct rewrite *r, const struct conf_list *list, struct place *p,
     int (*line)(struct rewrite *, const struct place *, struct view))
{
    int result = 0;

    for (size_t i = 0; i < list->count; i++) {
        p->line = list->lines[i];
        if (line(r, p, view_trim(view_of(list->items[i]))) < 0)
            result = -EINVAL;
    }
    return result;
}

/* The last line of a key first, where a search begins. */
static int
compare(const void *a, const void *b)
{
    const struct rewrite_row *x = a, *y = b;
    int r = x->kind != y->kind ? (int)x->kind - (int)y->kind
                               : strcmp(x->key, y->key);

    if (r)
        return r;
    return x->line < y->line ? 1 : x->line > y->line ? -1 : 0;
}

int
rewrite_load(struct rewrite *r, const struct conf_list *canonical,
             const struct conf_list *masquerade, struct buf *why)
{
    struct place p = {"canonical", 0, why};
    int result = load(r, canonical, &p, load_canonical), more;

    p.file = "masquerade";
    more = load(r, masquerade, &p, load_masquerade);
    if (result == 0)
        result = more;
    if (result < 0)
        rewrite_free(r);
    else if (r->count)
        qsort(r->rows, r->count, sizeof *r->rows, compare);
    return result;
}

/* The first row that is not before (kind, key). */
static const struct rewrite_row *
find(const struct rewrite *r, enum kind kind, const char *key)
{
    size_t low = 0, high = r->count;
    const struct rewrite_row *row;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        row = &r->rows[middle];
        if (row->kind < kind ||
            (row->kind == kind && strcmp(row->key, key) < 0))
            low = middle + 1;
        else
            high = middle;
    }
    row = &r->rows[low];
    return low < r->count && row->kind == kind && strcmp(row->key, key) == 0
               ? row : NULL;
}

static bool
change(struct buf *kept, size_t from, const char *to)
{
    size_t len = strlen(to);

    if (from + len > ADDRESS_MAX ||
        view_equal(view_from(buf_view(kept), from), view_of(to)))
        return false;
    kept->len = from;
    buf_add(kept, to, len);
    return true;
}

/* key is kept in small letters, its domain at at + 1. */
static bool
canonical(const struct rewrite *r, struct buf *kept, const char *key,
          size_t at)
{
    const struct rewrite_row *row = find(r, CANONICAL, key);

    if (row)
        return change(kept, 0, row->to);
    row = find(r, CANONICAL, key + at);
    return row && change(kept, at, row->to);
}

static bool
masquerade(const struct rewrite *r, struct buf *kept, const char *key,
           size_t at)
{
    for (const char *p = key + at; p; p = strchr(p, '.')) {
        const struct rewrite_row *row = find(r, MASQUERADE, ++p);

        if (row)
            return row->to && p != key + at + 1 &&
                   change(kept, at + 1, row->to);
    }
    return false;
}

static bool
apply(const struct rewrite *r, struct buf *kept,
      bool (*how)(const struct rewrite *, struct buf *, const char *, size_t))
{
    size_t at = view_findlast(buf_view(kept), '@');
    char *key;
    bool changed;

    if (r->count == 0 || kept->len == 0 || at == kept->len)
        return false;
    key = small_string(buf_view(kept));
    changed = how(r, kept, key, at);
    free(key);
    return changed;
}

bool
rewrite_sender(const struct rewrite *r, struct buf *kept)
{
    bool changed = apply(r, kept, canonical);

    return apply(r, kept, masquerade) || changed;
}

bool
rewrite_rcpt(const struct rewrite *r, struct buf *kept)
{
    return apply(r, kept, canonical);
}

void
rewrite_free(struct rewrite *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->rows[i].key);
        free(r->rows[i].to);
    }
    free(r->rows);
    memset(r, 0, sizeof *r);
}
