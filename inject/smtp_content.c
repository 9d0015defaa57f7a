#include "inject/smtp_content.h"

enum { PART = 64 * 1024 };

/* Where within a line the next byte stands. */
enum place { START, DOT, DOT_CR, TEXT, CR };

void
smtp_content_begin(struct smtp_server *s)
{
    s->place = START;
    s->size = 0;
    outcome_set(&s->spoiled, DONE, "2.0.0", "good so far");
}

static void
spoil(struct smtp_server *s, const char *code, const char *why)
{
    if (s->spoiled.verdict == DONE)
        outcome_set(&s->spoiled, NEVER, code, "%s", why);
}

/* A CR or LF alone is only let in from this host. */
static bool
bare(struct smtp_server *s)
{
    if (!s->conf->local)
        spoil(s, "5.6.0", "a bare CR or LF in the message");
    return s->conf->local;
}

static void
put(struct smtp_server *s, const char *data, size_t len)
{
    s->size += len;
    if (s->conf->size_max && s->size > s->conf->size_max)
        spoil(s, "5.3.4", "message too large");
    if (s->spoiled.verdict == DONE)
        buf_add(&s->content, data, len);
}

/* The bytes up to the next CR or LF, at once. */
static size_t
put_run(struct smtp_server *s, struct view v)
{
    size_t len = 0;

    while (len < v.len && len < PART && v.data[len] != '\r' &&
           v.data[len] != '\n')
        len++;
    put(s, v.data, len);
    return len;
}

/* What a byte means where it stands; the new place. */
static enum place
step(struct smtp_server *s, enum place place, char c)
{
    if ((place == CR || place == DOT_CR) && c != '\n') {
        /* The CR before was bare. */
        bare(s);
        put(s, "\r", 1);
        place = TEXT;
    }
    if (c == '\n') {
        if (place != CR && !bare(s))
            return TEXT;
        put(s, "\n", 1);
        return START;
    }
    if (c == '\r')
        return place == DOT ? DOT_CR : CR;
    if (place == START && c == '.')
        return DOT;
    put(s, &c, 1);
    return TEXT;
}

bool
smtp_content_take(struct smtp_server *s, struct view *in)
{
    if (s->place == SMTP_CONTENT_ENDED) {
        s->place = START;
        return true;
    }
    while (in->len && s->content.len < PART) {
        char c = in->data[0];

        if (s->place == TEXT && c != '\r' && c != '\n') {
            *in = view_from(*in, put_run(s, *in));
            continue;
        }
        *in = view_from(*in, 1);
        if (c == '\n' && (s->place == DOT_CR ||
                          (s->place == DOT && s->conf->local))) {
            s->place = START;
            return true;
        }
        s->place = (int)step(s, (enum place)s->place, c);
    }
    return false;
}
