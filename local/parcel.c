#include "local/parcel.h"

/* What stands in front of a job. */
enum { FRONT = 8 };

bool
parcel_add(struct buf *parcel, const struct job *j, struct view content)
{
    size_t at = parcel->len;

    buf_addu32(parcel, 0);
    buf_addu32(parcel, (uint32_t)content.len);
    job_print(parcel, j);
    put_u32(parcel->data + at, (uint32_t)(parcel->len - at - FRONT));
    buf_addview(parcel, content);
    if (at == 0 || parcel->len <= PARCEL_BYTES)
        return true;
    parcel->len = at;
    return false;
}

/* The first len bytes; a null pointer if they are not there. */
static struct view
take(struct view *parcel, size_t len)
{
    struct view v = {NULL, 0};

    if (len > parcel->len)
        return v;
    v = view_make(parcel->data, len);
    *parcel = view_from(*parcel, len);
    return v;
}

int
parcel_take(struct view *parcel, struct job *j, struct view *content)
{
    struct view front, job;

    if (parcel->len == 0)
        return 0;
    if (!(front = take(parcel, FRONT)).data ||
        !(job = take(parcel, get_u32(front.data))).data ||
        !(*content = take(parcel, get_u32(front.data + 4))).data ||
        job_parse(j, job) < 0 || j->rcpt_count != 1)
        return -1;
    return 1;
}

void
parcel_addreport(struct buf *parcel, const struct report *r)
{
    size_t at = parcel->len;

    buf_addu32(parcel, 0);
    report_print(parcel, r);
    put_u32(parcel->data + at, (uint32_t)(parcel->len - at - 4));
}

int
parcel_takereport(struct view *parcel, struct report *r)
{
    struct view front, bytes;

    if (parcel->len == 0)
        return 0;
    if (!(front = take(parcel, 4)).data ||
        !(bytes = take(parcel, get_u32(front.data))).data ||
        report_parse(r, bytes) < 0)
        return -1;
    return 1;
}
