#include "base/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *word;
    char letter;
    int exit;
} table[] = {
    [DONE] = {"done", '+', 0},
    [LATER] = {"later", '~', 111},
    [NEVER] = {"never", '-', 100},
};

static void
printable(char *s)
{
    for (; *s; s++)
        if (*s < ' ' || *s > '~')
            *s = '?';
}

/* As much of v as there is room for, up to a zero byte. */
static void
put(char *to, size_t room, struct view v)
{
    size_t len = view_find(v, 0);

    len = len < room ? len : room - 1;
    memcpy(to, v.data, len);
    to[len] = 0;
    printable(to);
}

__attribute__((format(printf, 4, 0))) static void
fill(struct outcome *o, enum verdict verdict, const char *code,
     const char *fmt, va_list ap)
{
    memset(o, 0, sizeof *o);
    o->verdict = verdict;
    put(o->code, sizeof o->code, view_of(code));
    vsnprintf(o->text, sizeof o->text, fmt, ap);
    printable(o->text);
}

void
outcome_take(struct outcome *o, enum verdict verdict, struct view code,
             struct view text)
{
    memset(o, 0, sizeof *o);
    o->verdict = verdict;
    put(o->code, sizeof o->code, code);
    put(o->text, sizeof o->text, text);
}

enum verdict
outcome_set(struct outcome *o, enum verdict verdict, const char *code,
            const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fill(o, verdict, code, fmt, ap);
    va_end(ap);
    return verdict;
}

enum verdict
outcome_errno(struct outcome *o, int r, const char *fmt, ...)
{
    va_list ap;
    size_t len;

    va_start(ap, fmt);
    fill(o, LATER, "4.3.0", fmt, ap);
    va_end(ap);
    len = strlen(o->text);
    snprintf(o->text + len, sizeof o->text - len, ": %s", strerror(-r));
    return LATER;
}

const char *
verdict_word(enum verdict v)
{
    return table[v].word;
}

char
verdict_letter(enum verdict v)
{
    return table[v].letter;
}

enum verdict
verdict_of_letter(char c)
{
    return c == '+' ? DONE : c == '-' ? NEVER : LATER;
}

int
verdict_exit(enum verdict v)
{
    return table[v].exit;
}

enum verdict
verdict_of_smtp(int code)
{
    if (code >= 200 && code <= 299)
        return DONE;
    return code >= 500 && code <= 599 ? NEVER : LATER;
}
