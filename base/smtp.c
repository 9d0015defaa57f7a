#include "base/smtp.h"

#include <errno.h>
#include <stdio.h>

static const struct {
    const char *word;
    uint32_t bit;
} extensions[] = {
    {"PIPELINING", SMTP_PIPELINING}, {"SIZE", SMTP_SIZE},
    {"8BITMIME", SMTP_8BITMIME},     {"SMTPUTF8", SMTP_SMTPUTF8},
    {"DSN", SMTP_DSN},               {"ENHANCEDSTATUSCODES", SMTP_ENHANCED},
    {"CHUNKING", SMTP_CHUNKING},     {"STARTTLS", SMTP_STARTTLS},
    {"AUTH", SMTP_AUTH},             {"REQUIRETLS", SMTP_REQUIRETLS},
    {"LIMITS", SMTP_LIMITS},
};

uint32_t
smtp_extension(struct view line, struct view *argument)
{
    struct view word = view_make(line.data, view_find(line, ' '));

    *argument = view_trim(view_from(line, word.len));
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (view_equalcase(word, view_of(extensions[i].word)))
            return extensions[i].bit;
    return 0;
}

static bool
digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One line without its CRLF.  1: the last of the reply; 0: not the last. */
static int
take_line(struct smtp_reply *r, struct view line)
{
    int code;

    if (line.len < 3 || line.data[0] < '2' || line.data[0] > '5' ||
        !digit(line.data[1]) || !digit(line.data[2]))
        return -EBADMSG;
    code = (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 +
           (line.data[2] - '0');
    if (r->code != 0 && code != r->code)
        return -EBADMSG;
    /* A code alone is a last line (RFC 5321 4.2). */
    if (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-')
        return -EBADMSG;
    if (++r->lines > SMTP_REPLY_LINES_MAX ||
        r->text.len + line.len > SMTP_REPLY_MAX)
        return -EMSGSIZE;
    r->code = code;
    buf_addview(&r->text, view_from(line, 4));
    buf_addbyte(&r->text, '\n');
    return line.len == 3 || line.data[3] == ' ';
}

int
smtp_reply_take(struct smtp_reply *r, struct view *in)
{
    while (in->len) {
        size_t end = view_find(*in, '\n');
        size_t len = end < in->len ? end + 1 : in->len;
        struct view line;
        int last;

        if (r->line.len + len > SMTP_LINE_MAX)
            return -EMSGSIZE;
        buf_add(&r->line, in->data, len);
        *in = view_from(*in, len);
        line = buf_view(&r->line);
        if (line.data[line.len - 1] != '\n')
            return 0;
        if (line.len < 2 || line.data[line.len - 2] != '\r')
            return -EBADMSG;
        line.len -= 2;
        last = take_line(r, line);
        buf_clear(&r->line);
        if (last != 0)
            return last;
    }
    return 0;
}

void
smtp_reply_clear(struct smtp_reply *r)
{
    r->code = 0;
    r->lines = 0;
    buf_clear(&r->text);
    buf_clear(&r->line);
}

void
smtp_reply_free(struct smtp_reply *r)
{
    buf_free(&r->text);
    buf_free(&r->line);
    smtp_reply_clear(r);
}

/* Takes 1 to 3 digits off v. */
static bool
take_digits(struct view *v)
{
    size_t n = 0;

    while (n < v->len && n < 4 && digit(v->data[n]))
        n++;
    *v = view_from(*v, n);
    return n >= 1 && n <= 3;
}

/* The length of the status code at the start of v, 0 if there is none. */
static size_t
status_length(struct view v)
{
    struct view rest = view_from(v, 1);

    if (v.len < 5 || !digit(v.data[0]))
        return 0;
    for (int i = 0; i < 2; i++) {
        if (rest.len == 0 || rest.data[0] != '.')
            return 0;
        rest = view_from(rest, 1);
        if (!take_digits(&rest))
            return 0;
    }
    if (rest.len && rest.data[0] != ' ' && rest.data[0] != '\n')
        return 0;
    return v.len - rest.len;
}

void
smtp_reply_status(const struct smtp_reply *r, enum verdict verdict,
                  char code[12])
{
    static const char class[] = {[DONE] = '2', [LATER] = '4', [NEVER] = '5'};
    struct view text = buf_view(&r->text);
    size_t len = status_length(text);

    if (len && text.data[0] - '0' == r->code / 100)
        snprintf(code, 12, "%c%.*s", class[verdict], (int)len - 1,
                 text.data + 1);
    else
        snprintf(code, 12, "%c.0.0", class[verdict]);
}

void
smtp_reply_words(const struct smtp_reply *r, struct buf *words)
{
    struct view text = buf_view(&r->text), line;

    buf_print(words, "%d", r->code);
    while (view_line(&text, &line)) {
        buf_addbyte(words, ' ');
        for (size_t i = 0; i < line.len; i++)
            buf_addbyte(words, line.data[i] ? line.data[i] : '?');
    }
}
