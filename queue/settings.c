#include "queue/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/mem.h"
#include "base/utf8.h"

#define MiB ((uint64_t)1 << 20)
#define TiB ((uint64_t)1 << 40)
#define YEAR ((uint64_t)366 * 86400)
#define AT(field) offsetof(struct settings, field)

/* me stands first: others take it as their default. */
const struct setting settings_table[] = {
    {"me", SETTING_HOST, NULL, 0, 0, AT(me),
     "the full name of this host; required"},
    {"locals", SETTING_LIST, NULL, 0, 0, AT(locals),
     "domains whose mail is delivered here"},
    {"smtproutes", SETTING_LIST, "", 0, 0, AT(smtproutes),
     "domain:relay:port, where mail goes other than to its MX hosts"},
    {"bindroutes", SETTING_LIST, "", 0, 0, AT(bindroutes),
     "sender:source,source:helo:relay:port, as whom mail leaves"},
    {"queuelifetime", SETTING_SECONDS, "432000", 0, YEAR, AT(queuelifetime),
     "how long a message is tried before it goes back to its sender"},
    {"concurrencyremote", SETTING_COUNT, "2000", 1, 100000,
     AT(concurrencyremote), "deliveries to other hosts at a time"},
    {"remoteworkers", SETTING_COUNT, "1", 1, 16, AT(remoteworkers),
     "processes that send mail to other hosts"},
    {"concurrencylocal", SETTING_COUNT, "50", 1, 1000,
     AT(concurrencylocal), "deliverers at work at a time"},
    {"concurrencysite", SETTING_COUNT, "20", 1, 100000, AT(concurrencysite),
     "deliveries to one site at a time, at most"},
    {"siterate", SETTING_LIST, "", 0, 0, AT(siterate),
     "domain:count/m or /h, messages that a site gets in that time"},
    {"siterest", SETTING_SECONDS, "60", 1, 86400, AT(siterest),
     "how long a site rests that could not be reached, up to 15 times that"},
    {"bouncefrom", SETTING_USER, "MAILER-DAEMON", 0, 0, AT(bouncefrom),
     "user name that bounces come from"},
    {"bouncehost", SETTING_HOST, NULL, 0, 0, AT(bouncehost),
     "host name that bounces come from"},
    {"doublebounceto", SETTING_USER, "postmaster", 0, 0, AT(doublebounceto),
     "user who gets the bounces that could not be delivered"},
    {"doublebouncehost", SETTING_HOST, NULL, 0, 0, AT(doublebouncehost),
     "host of that user"},
    {"bouncemaxbytes", SETTING_BYTES, "50000", 0, TiB, AT(bouncemaxbytes),
     "a bounce holds the whole message up to this size, else its header"},
    {"databytes", SETTING_BYTES, "0", 0, TiB, AT(databytes),
     "largest message that is accepted; 0 is no limit"},
    {"submitsenders", SETTING_LIST, "", 0, 0, AT(submitsenders),
     "user:sender,sender, who may send as whom; without it all as any"},
    {"submitlimit", SETTING_LIST, "", 0, 0, AT(submitlimit),
     "user:messages:bytes, an hour's messages and the size of each"},
    {"ledgersegment", SETTING_BYTES, "16777216", 65536, 1024 * MiB,
     AT(ledgersegment), "size of one file of the ledger"},
    {"checkpointevery", SETTING_SECONDS, "60", 1, 86400,
     AT(checkpointevery), "span between two checkpoints of the ledger"},
    {"spoolreserve", SETTING_BYTES, "16777216", 0, TiB, AT(spoolreserve),
     "free space that new mail must leave for outcomes and bounces"},
};

const size_t settings_count = sizeof settings_table / sizeof *settings_table;

static bool
is_number(const struct setting *row)
{
    return row->kind == SETTING_COUNT || row->kind == SETTING_SECONDS ||
           row->kind == SETTING_BYTES;
}

static const char *
unit(const struct setting *row)
{
    return row->kind == SETTING_SECONDS ? " seconds"
           : row->kind == SETTING_BYTES ? " bytes"
                                        : "";
}

/* What a number with a unit behind it was meant to be, or 0. */
static uint64_t
guess(const struct setting *row, struct view v)
{
    static const struct {
        enum setting_kind kind;
        char letter;
        uint64_t factor;
    } units[] = {
        {SETTING_SECONDS, 's', 1},    {SETTING_SECONDS, 'm', 60},
        {SETTING_SECONDS, 'h', 3600}, {SETTING_SECONDS, 'd', 86400},
        {SETTING_SECONDS, 'w', 604800}, {SETTING_BYTES, 'b', 1},
        {SETTING_BYTES, 'k', 1024},   {SETTING_BYTES, 'm', MiB},
        {SETTING_BYTES, 'g', 1024 * MiB},
    };
    size_t digits = strspn(v.data, "0123456789");
    struct view word = view_trim(view_from(v, digits));
    uint64_t n;

    if (word.len == 0 || !view_number(view_make(v.data, digits), TiB, &n))
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].kind == row->kind && units[i].letter ==
            (word.data[0] | 0x20) && n <= row->max / units[i].factor)
            return n * units[i].factor;
    return 0;
}

static bool
take_number(const struct setting *row, struct view v, uint64_t *number,
            struct buf *why)
{
    uint64_t n;

    if (view_number(v, row->max, &n) && n >= row->min) {
        *number = n;
        return true;
    }
    buf_print(why, "control/%s:1: '%.*s' is no number of %ju to %ju%s",
              row->name, (int)v.len, v.data, (uintmax_t)row->min,
              (uintmax_t)row->max, unit(row));
    if ((n = guess(row, v)) > 0)
        buf_print(why, "; did you mean %ju?", (uintmax_t)n);
    buf_addbyte(why, '\n');
    return false;
}

/* ASCII alone: the name stands in greetings and header fields. */
static bool
is_host(struct view v)
{
    const char *why;

    return utf8_ascii(v) && addr_domain(v, &why);
}

/* The part of an address before the @, such as it may stand unquoted. */
static bool
is_user(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.data[i] <= ' ' ||
            (unsigned char)v.data[i] > '~' ||
            strchr("@<>()[],;:\\\"", v.data[i]))
            return false;
    return v.len > 0 && v.len <= 64;
}

static bool
take_text(const struct setting *row, struct view v, char **text,
          struct buf *why)
{
    size_t at = view_find(v, '@');
    struct view host = view_from(v, at + 1);

    if (row->kind == SETTING_HOST ? is_host(v) : is_user(v)) {
        free(*text);
        *text = mem_dup(v.data, v.len);
        return true;
    }
    buf_print(why, "control/%s:1: '%.*s' is no %s", row->name, (int)v.len,
              v.data, row->kind == SETTING_HOST ? "host name" : "user name");
    if (row->kind == SETTING_HOST && at < v.len && is_host(host))
        buf_print(why, "; did you mean '%.*s'?", (int)host.len, host.data);
    else if (at < v.len && is_user(view_make(v.data, at)))
        buf_print(why, "; did you mean '%.*s', the host having a file of its "
                  "own?", (int)at, v.data);
    buf_addbyte(why, '\n');
    return false;
}

static int
unreadable(const struct setting *row, int r, struct buf *why)
{
    buf_print(why, "control/%s: cannot be read: %s\n", row->name,
              strerror(-r));
    return r;
}

static void
set_default(struct settings *s, const struct setting *row)
{
    void *place = (char *)s + row->where;
    const char *text = row->fallback ? row->fallback : s->me ? s->me : "";

    if (is_number(row)) {
        view_number(view_of(text), row->max, place);
    } else if (row->kind == SETTING_LIST) {
        struct conf_list *list = place;

        memset(list, 0, sizeof *list);
        if (!*text)
            return;
        list->items = mem_alloc(sizeof *list->items);
        list->lines = mem_alloc(sizeof *list->lines);
        list->items[0] = mem_string(text);
        list->lines[0] = 1;
        list->count = 1;
    } else {
        *(char **)place = mem_string(text);
    }
}

static int
read_list(struct settings *s, const struct setting *row, int dir,
          struct buf *why)
{
    struct conf_list *list = (void *)((char *)s + row->where);
    struct conf_list found;
    int r = conf_list(dir, row->name, &found);

    if (r < 0) {
        conf_listfree(&found);
        return r == -ENOENT ? 0 : unreadable(row, r, why);
    }
    s->given |= (uint64_t)1 << (row - settings_table);
    conf_listfree(list);
    *list = found;
    return 0;
}

static int
read_value(struct settings *s, const struct setting *row, int dir,
           struct buf *why)
{
    void *place = (char *)s + row->where;
    char *value;
    bool good = true;
    int r = conf_value(dir, row->name, &value);

    if (r < 0)
        return unreadable(row, r, why);
    if (value && *value) {
        s->given |= (uint64_t)1 << (row - settings_table);
        good = is_number(row) ? take_number(row, view_of(value), place, why)
                              : take_text(row, view_of(value), place, why);
    } else if (row->where == AT(me)) {
        buf_print(why, "control/me: %s; write the full name of this host "
                  "into it\n", value ? "empty" : "missing");
        good = false;
    }
    free(value);
    return good ? 0 : -EINVAL;
}

int
settings_read(struct settings *s, int controldir, struct buf *why)
{
    int result = 0;

    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *row = &settings_table[i];
        int r;

        set_default(s, row);
        r = row->kind == SETTING_LIST ? read_list(s, row, controldir, why)
                                      : read_value(s, row, controldir, why);

        /* That something could not be read says more than a wrong value. */
        if (r < 0 && (result == 0 || result == -EINVAL))
            result = r;
    }
    return result;
}

void
settings_print(const struct settings *s, const struct setting *row,
               struct buf *b)
{
    const void *place = (const char *)s + row->where;

    if (is_number(row)) {
        buf_print(b, "%ju", (uintmax_t) * (const uint64_t *)place);
    } else if (row->kind == SETTING_LIST) {
        const struct conf_list *list = place;

        for (size_t i = 0; i < list->count; i++)
            buf_print(b, "%s%s", i ? " " : "", list->items[i]);
    } else {
        buf_addstr(b, *(char *const *)place);
    }
}

bool
settings_given(const struct settings *s, const struct setting *row)
{
    return s->given >> (row - settings_table) & 1;
}

void
settings_free(struct settings *s)
{
    for (size_t i = 0; i < settings_count; i++) {
        void *place = (char *)s + settings_table[i].where;

        if (settings_table[i].kind == SETTING_LIST)
            conf_listfree(place);
        else if (!is_number(&settings_table[i]))
            free(*(char **)place);
    }
    memset(s, 0, sizeof *s);
}
