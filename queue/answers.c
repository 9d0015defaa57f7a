#include "queue/answers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/id.h"
#include "base/mem.h"

void
answers_print(struct buf *b, uint64_t id, const uint32_t *rcpts,
              uint32_t count)
{
    id_text text;

    buf_addstr(b, id_print(id, text));
    for (uint32_t i = 0; i < count; i++)
        buf_print(b, "%c%u", i ? ',' : ':', rcpts[i]);
}

uint64_t
answers_id(struct view text)
{
    uint64_t id;

    return text.len > ID_LEN && text.data[ID_LEN] == ':' &&
           id_parse(view_make(text.data, ID_LEN), &id) ? id : 0;
}

bool
answers_next(struct view *rest, uint32_t *index)
{
    size_t colon = view_find(*rest, ':');
    struct view number;
    uint64_t n;

    if (colon < rest->len)
        *rest = view_from(*rest, colon + 1);
    number = view_make(rest->data, view_find(*rest, ','));
    *rest = view_from(*rest, number.len + 1);
    if (!view_number(number, UINT32_MAX, &n))
        return false;
    *index = (uint32_t)n;
    return true;
}

/* model: answer-mark */
int
answers_mark(const struct store *s, struct view text, uint64_t position)
{
    uint32_t *which, count = 0, index;
    struct queued q;
    const char *why;
    uint64_t id = answers_id(text);
    int r;

    if (id == 0)
        return 0;
    r = store_load(s, PLACE_INFO, id, &q, &why);
    if (r == -ENOENT)
        r = store_load(s, PLACE_TODO, id, &q, &why);
    if (r < 0)
        /* Gone, or set aside when it is looked at for its own sake. */
        return r == -ENOENT || r == -EBADMSG || r == -ENOTSUP ? 0 : r;
    which = mem_alloc(q.header.rcpt_count * sizeof *which);
    while (count < q.header.rcpt_count && answers_next(&text, &index))
        if (index < q.header.rcpt_count && q.states[index].state == FAILED) {
            q.states[index].state = BOUNCED;
            q.states[index].position = position;
            which[count++] = index;
        }
    r = store_mark(s, &q, which, count);
    free(which);
    queued_free(&q);
    return r;
}
