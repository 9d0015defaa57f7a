#include "base/id.h"

#include <string.h>

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* 2020-01-01T00:00:00Z */
static const uint64_t first_ms = 1577836800000ULL;

enum { TAIL_BITS = 22 };

uint64_t
id_make(uint64_t now_ms, uint32_t tail)
{
    uint64_t ms = now_ms > first_ms ? now_ms - first_ms : 1;

    return (ms << TAIL_BITS) | (tail & ((1u << TAIL_BITS) - 1));
}

uint64_t
id_ms(uint64_t id)
{
    return (id >> TAIL_BITS) + first_ms;
}

const char *
id_print(uint64_t id, id_text buffer)
{
    for (int i = ID_LEN - 1; i >= 0; i--) {
        buffer[i] = letters[id & 31];
        id >>= 5;
    }
    buffer[ID_LEN] = 0;
    return buffer;
}

bool
id_parse(struct view text, uint64_t *id)
{
    uint64_t n = 0;

    if (text.len != ID_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        const char *p;

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        p = c ? strchr(letters, c) : NULL;
        if (!p || (i == 0 && p - letters > 15))
            return false;
        n = (n << 5) | (uint64_t)(p - letters);
    }
    *id = n;
    return n != 0;
}
