#include "inject/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/envelope.h"
#include "base/mem.h"
#include "inject/smtp_params.h"

/* How a letter takes a value: none, behind it or as the next argument, or
 * only behind it and possibly empty. */
enum takes { NOTHING, VALUE, TAIL };

/* Taken and without effect, since they choose among what Godwit always does
 * one way (a message is queued durably before the answer, errors are told by
 * exit code and on standard error, a lone dot ends no message), or name
 * parts of other mailers. */
static const struct {
    char letter;
    enum takes takes;
} ignored[] = {
    {'i', NOTHING}, {'n', NOTHING}, {'v', NOTHING}, {'m', NOTHING},
    {'G', NOTHING}, {'U', NOTHING}, {'x', NOTHING}, {'e', TAIL},
    {'o', VALUE},   {'O', VALUE},   {'C', VALUE},   {'L', VALUE},
    {'p', VALUE},   {'h', VALUE},   {'X', VALUE},   {'A', TAIL},
    {'d', TAIL},
};

/* These have one; what it does is in use(). */
static const struct {
    char letter;
    enum takes takes;
} used[] = {
    {'t', NOTHING}, {'f', VALUE}, {'r', VALUE}, {'F', VALUE}, {'N', VALUE},
    {'R', VALUE},   {'V', VALUE}, {'B', VALUE}, {'b', VALUE}, {'I', NOTHING},
    {'q', TAIL},
};

static const struct {
    char letter;
    enum options_mode mode;
} modes[] = {
    {'m', MODE_SEND},  {'s', MODE_SMTP},   {'p', MODE_LIST},
    {'i', MODE_ALIASES}, {'v', MODE_ROUTE}, {'t', MODE_ROUTE},
    {'d', MODE_DAEMON}, {'D', MODE_DAEMON},
};

#define COUNT(table) (sizeof table / sizeof *table)

static bool
find(char letter, enum takes *takes, bool *has_use)
{
    for (size_t i = 0; i < COUNT(used); i++)
        if (used[i].letter == letter) {
            *takes = used[i].takes;
            *has_use = true;
            return true;
        }
    for (size_t i = 0; i < COUNT(ignored); i++)
        if (ignored[i].letter == letter) {
            *takes = ignored[i].takes;
            *has_use = false;
            return true;
        }
    return false;
}

static bool
unusable(struct buf *why, char letter, const char *value, const char *what)
{
    buf_print(why, "option -%c %.100s: %s", letter, value, what);
    return false;
}

static bool
use_word(char letter, const char *value, uint8_t *into, const char *first,
         const char *second, struct buf *why)
{
    if (view_equalcase(view_of(value), view_of(first)))
        *into = 1;
    else if (view_equalcase(view_of(value), view_of(second)))
        *into = 2;
    else {
        buf_print(why, "option -%c %.100s: not %s or %s", letter, value,
                  first, second);
        return false;
    }
    return true;
}

static bool
use_mode(struct options *o, const char *value, struct buf *why)
{
    for (size_t i = 0; i < COUNT(modes); i++)
        if (modes[i].letter == *value && value[1] == 0) {
            o->mode = modes[i].mode;
            return true;
        }
    buf_print(why, "unknown option -b%.100s (see sendmail(8))", value);
    return false;
}

/* -q flushes, -q30m would be a daemon's. */
static bool
use_queue(struct options *o, const char *value)
{
    if (o->mode == MODE_DAEMON || (*value >= '0' && *value <= '9')) {
        o->mode = MODE_DAEMON;
        return true;
    }
    o->mode = MODE_FLUSH;
    o->flush_by = 0;
    if (*value && strchr("IRS", *value)) {
        o->flush_by = *value;
        o->flush = value + 1;
    }
    return true;
}

static bool
use(struct options *o, char letter, const char *value, struct buf *why)
{
    switch (letter) {
    case 't':
        o->take_rcpts = true;
        return true;
    case 'f':
    case 'r':
        o->sender = value;
        return true;
    case 'F':
        o->fullname = value;
        return true;
    case 'N':
        return smtp_params_notify(view_of(value), &o->notify) ||
               unusable(why, 'N', value, "not NEVER alone or some of SUCCESS, "
                        "FAILURE, DELAY");
    case 'R':
        return use_word('R', value, &o->ret, "full", "hdrs", why);
    case 'B':
        return use_word('B', value, &o->body, "7BIT", "8BITMIME", why);
    case 'V':
        o->envid = value;
        return (strlen(value) <= ENVID_MAX &&
                smtp_params_xtext(view_of(value))) ||
               unusable(why, 'V', value, "not xtext of 1 to 100 bytes");
    case 'b':
        return use_mode(o, value, why);
    case 'I':
        o->mode = MODE_ALIASES;
        return true;
    default:
        return use_queue(o, value);
    }
}

static bool
control(const char *s)
{
    for (; *s; s++)
        if ((*s > 0 && *s < ' ') || *s == 127)
            return true;
    return false;
}

/* One argument of letters, the next one being its value if it needs one. */
static bool
read_letters(struct options *o, char **argv, int *i, struct buf *why)
{
    for (const char *p = argv[*i] + 1; *p; p++) {
        enum takes takes;
        const char *value = "";
        bool has_use;

        if (!find(*p, &takes, &has_use)) {
            buf_print(why, "unknown option -%c (see sendmail(8))",
                      *p > ' ' && *p < 127 ? *p : '?');
            return false;
        }
        if (takes != NOTHING)
            value = p + 1;
        if (takes == VALUE && *value == 0) {
            value = argv[*i + 1];
            if (!value) {
                buf_print(why, "option -%c needs a value", *p);
                return false;
            }
            ++*i;
        }
        if (control(value)) {
            buf_print(why, "option -%c: a line break or control character",
                      *p);
            return false;
        }
        if (has_use && !use(o, *p, value, why))
            return false;
        if (takes != NOTHING)
            return true;
    }
    return true;
}

bool
options_read(struct options *o, int argc, char **argv, struct buf *why)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
    bool options = true;

    memset(o, 0, sizeof *o);
    if (strcmp(name, "mailq") == 0)
        o->mode = MODE_LIST;
    else if (strcmp(name, "newaliases") == 0)
        o->mode = MODE_ALIASES;
    o->rcpts = mem_alloc((size_t)(argc + 1) * sizeof *o->rcpts);
    for (int i = 1; i < argc; i++) {
        if (!options || argv[i][0] != '-' || argv[i][1] == 0) {
            o->rcpts[o->count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (strcmp(argv[i], "--help") == 0) {
            o->mode = MODE_HELP;
            return true;
        } else if (!read_letters(o, argv, &i, why)) {
            return false;
        }
    }
    return true;
}

void
options_free(struct options *o)
{
    free(o->rcpts);
    memset(o, 0, sizeof *o);
}
