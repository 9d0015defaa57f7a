#include "remote/idna.h"
#include "tests/fuzz/fuzz.h"

/* Any bytes as a name: what comes out is ASCII, and stays as it is. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char ascii[IDNA_NAME_MAX], again[IDNA_NAME_MAX];
    const char *why = NULL;
    struct view in = exact(data, size);

    if (idna_ascii(in, ascii, &why)) {
        for (const char *c = ascii; *c; c++)
            CLAIM((unsigned char)*c < 128);
        CLAIM(idna_ascii(view_of(ascii), again, &why));
        CLAIM(strcmp(ascii, again) == 0);
    } else {
        CLAIM(why && *why);
    }
    free((void *)in.data);
    return 0;
}
