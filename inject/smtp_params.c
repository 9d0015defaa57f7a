#include "inject/smtp_params.h"

#include <string.h>

#include "base/envelope.h"
#include "base/smtp.h"

static bool
hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

bool
smtp_params_xtext(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] <= ' ' || v.data[i] == 127 || v.data[i] == '=')
            return false;
        if (v.data[i] == '+' && (i + 2 >= v.len || !hex(v.data[i + 1]) ||
                                 !hex(v.data[i + 2])))
            return false;
    }
    return v.len > 0;
}

bool
smtp_params_notify(struct view rest, uint8_t *notify)
{
    static const struct {
        const char *word;
        uint8_t bit;
    } words[] = {
        {"NEVER", NOTIFY_NEVER}, {"SUCCESS", NOTIFY_SUCCESS},
        {"FAILURE", NOTIFY_FAILURE}, {"DELAY", NOTIFY_DELAY},
    };
    bool more = true;

    *notify = 0;
    while (more) {
        struct view word = view_make(rest.data, view_find(rest, ','));
        uint8_t bit = 0;

        more = word.len < rest.len;
        rest = view_from(rest, word.len + 1);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (view_equalcase(word, view_of(words[i].word)))
                bit = words[i].bit;
        if (!bit)
            return false;
        *notify |= bit;
    }
    return !(*notify & NOTIFY_NEVER) || *notify == NOTIFY_NEVER;
}

/* The number of the word v is, from 1; 0 if it is none. */
static uint8_t
word_of(struct view v, const char *const *words)
{
    for (uint8_t i = 0; words[i]; i++)
        if (view_equalcase(v, view_of(words[i])))
            return (uint8_t)(i + 1);
    return 0;
}

static bool
read_size(struct smtp_params *p, struct view v)
{
    return v.len <= 20 && view_number(v, UINT64_MAX, &p->size);
}

static bool
read_body(struct smtp_params *p, struct view v)
{
    static const char *const words[] = {"7BIT", "8BITMIME", NULL};

    return (p->body = word_of(v, words)) != 0;
}

static bool
read_utf8(struct smtp_params *p, struct view v)
{
    p->smtputf8 = true;
    return v.len == 0;
}

static bool
read_ret(struct smtp_params *p, struct view v)
{
    static const char *const words[] = {"FULL", "HDRS", NULL};

    return (p->ret = word_of(v, words)) != 0;
}

static bool
read_envid(struct smtp_params *p, struct view v)
{
    p->envid = v;
    return v.len <= ENVID_MAX && smtp_params_xtext(v);
}

static bool
read_notify(struct smtp_params *p, struct view v)
{
    return smtp_params_notify(v, &p->notify);
}

/* RFC 3461 4.2: "rfc822;" xtext; RFC 6533 3: "utf-8;", raw UTF-8 allowed. */
static bool
read_orcpt(struct smtp_params *p, struct view v)
{
    size_t semicolon = view_find(v, ';');

    p->orcpt = v;
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.data[i] <= ' ' || v.data[i] == 127)
            return false;
    return v.len <= ORCPT_MAX && semicolon > 0 && semicolon < v.len;
}

static const struct {
    int command;
    const char *key;
    uint32_t extension;
    bool (*read)(struct smtp_params *p, struct view value);
} table[] = {
    {SMTP_PARAMS_MAIL, "SIZE", SMTP_SIZE, read_size},
    {SMTP_PARAMS_MAIL, "BODY", SMTP_8BITMIME, read_body},
    {SMTP_PARAMS_MAIL, "SMTPUTF8", SMTP_SMTPUTF8, read_utf8},
    {SMTP_PARAMS_MAIL, "RET", SMTP_DSN, read_ret},
    {SMTP_PARAMS_MAIL, "ENVID", SMTP_DSN, read_envid},
    {SMTP_PARAMS_RCPT, "NOTIFY", SMTP_DSN, read_notify},
    {SMTP_PARAMS_RCPT, "ORCPT", SMTP_DSN, read_orcpt},
};

static enum verdict
read_one(struct smtp_params *p, struct view word, int command,
         uint32_t offers, struct outcome *o)
{
    size_t equals = view_find(word, '=');
    struct view key = view_make(word.data, equals);

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].command != command ||
            !(table[i].extension & offers) ||
            !view_equalcase(key, view_of(table[i].key)))
            continue;
        if (table[i].read(p, view_from(word, equals + 1)))
            return DONE;
        return outcome_set(o, NEVER, "5.5.4", "bad value of %s",
                           table[i].key);
    }
    return outcome_set(o, NEVER, "5.5.4", "unknown parameter %.*s",
                       (int)(key.len < 60 ? key.len : 60), key.data);
}

enum verdict
smtp_params_read(struct smtp_params *p, struct view rest, int command,
                 uint32_t offers, struct outcome *o)
{
    enum verdict v = DONE;

    memset(p, 0, sizeof *p);
    if (rest.len && rest.data[0] != ' ')
        return outcome_set(o, NEVER, "5.5.4", "no blank behind the path");
    while (v == DONE && rest.len) {
        size_t end;

        while (rest.len && rest.data[0] == ' ')
            rest = view_from(rest, 1);
        end = view_find(rest, ' ');
        if (end)
            v = read_one(p, view_make(rest.data, end), command, offers, o);
        rest = view_from(rest, end);
    }
    return v;
}
