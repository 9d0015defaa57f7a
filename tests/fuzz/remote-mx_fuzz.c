#include "remote/mxlist.h"
#include "tests/fuzz/fuzz.h"

/* MX records of any bytes, each behind its length. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const own[] = {"me.example", NULL};
    static struct mx_record list[MXLIST_READ_MAX];
    size_t count = 0, left;

    while (size > 1 && count < MXLIST_READ_MAX) {
        size_t len = data[0] < size - 1 ? data[0] : size - 1;
        struct view in = exact(data + 1, len);

        if (mxlist_read(&list[count], in)) {
            list[count].chance = (uint32_t)(count * 2654435761u);
            CLAIM(strlen(list[count].name) < MXLIST_NAME_MAX);
            count++;
        }
        free((void *)in.data);
        data += 1 + len;
        size -= 1 + len;
    }
    mxlist_null(list, count);
    left = mxlist_order(list, count, own);
    CLAIM(left <= MXLIST_MAX && left <= count);
    for (size_t i = 0; i < left; i++)
        CLAIM(strcmp(list[i].name, "me.example") != 0 && list[i].name[0]);
    return 0;
}
