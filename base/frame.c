#include "base/frame.h"

#include <assert.h>
#include <errno.h>

void
frame_put(struct buf *b, char kind, struct view payload)
{
    assert(payload.len <= FRAME_MAX);
    buf_addu32(b, (uint32_t)payload.len);
    buf_addbyte(b, kind);
    buf_addview(b, payload);
}

int
frame_take(struct view *in, char *kind, struct view *payload)
{
    uint32_t len;

    if (in->len < FRAME_HEAD)
        return 0;
    len = get_u32(in->data);
    if (len > FRAME_MAX)
        return -EMSGSIZE;
    if (in->len - FRAME_HEAD < len)
        return 0;
    *kind = in->data[4];
    *payload = view_make(in->data + FRAME_HEAD, len);
    *in = view_from(*in, FRAME_HEAD + len);
    return 1;
}
