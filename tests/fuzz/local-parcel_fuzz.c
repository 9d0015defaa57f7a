#include "local/parcel.h"
#include "tests/fuzz/fuzz.h"

/* A parcel is read to its end or to what is none, and what was read lies
 * within it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view bytes = exact(data, size), rest = bytes, content;
    static struct job j;
    struct report r;

    while (parcel_take(&rest, &j, &content) > 0) {
        CLAIM(j.rcpt_count == 1);
        CLAIM(content.data >= bytes.data &&
              content.data + content.len <= bytes.data + bytes.len);
    }
    rest = bytes;
    while (parcel_takereport(&rest, &r) > 0)
        CLAIM(memchr(r.outcome.text, 0, sizeof r.outcome.text) != NULL);
    free((void *)bytes.data);
    return 0;
}
