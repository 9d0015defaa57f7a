#include "queue/request.h"

#include "base/id.h"

static const struct {
    const char *word;
    enum request request;
} words[] = {
    {"hold", REQUEST_HOLD},     {"release", REQUEST_RELEASE},
    {"cancel", REQUEST_CANCEL}, {"discard", REQUEST_DISCARD},
    {"flush", REQUEST_FLUSH_ID},
};

enum request
request_read(struct view line, uint64_t *id)
{
    size_t end = view_find(line, ' ');
    struct view word = view_make(line.data, end);
    struct view rest = view_trim(view_from(line, end + 1));

    if (view_is(word, "status"))
        return REQUEST_STATUS;
    if (view_is(word, "flush") && rest.len == 0)
        return REQUEST_FLUSH;
    if (!id_parse(rest, id))
        return REQUEST_NO_ID;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (view_is(word, words[i].word))
            return words[i].request;
    return REQUEST_UNKNOWN;
}
