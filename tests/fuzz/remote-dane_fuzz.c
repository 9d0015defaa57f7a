#include "base/tls.h"
#include "remote/dane.h"
#include "tests/fuzz/fuzz.h"

/* TLSA records of any bytes, each behind its length: what we call usable
 * OpenSSL must be able to use, else nobody would be asked for anything. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tls_context *context;
    struct dane d = {0}, copy = {0};
    struct view rest, record;
    struct tls *tls;
    bool any = size > 2;

    if (!context)
        context = tls_context_new(NULL);
    while (size > 2) {
        size_t len = data[0] | (size_t)data[1] << 8;
        struct view in;

        if (len > size - 2)
            len = size - 2;
        in = exact(data + 2, len);
        dane_add(&d, in);
        free((void *)in.data);
        data += 2 + len;
        size -= 2 + len;
    }
    dane_copy(&copy, &d);
    CLAIM(copy.state == (copy.records.len ? DANE_USABLE
                         : any            ? DANE_UNUSABLE
                                          : DANE_NONE));
    CLAIM(copy.records.len <= DANE_BYTES_MAX);
    rest = buf_view(&copy.records);
    tls = tls_new(context, "mx.test", "key");
    tls_dane(tls, "mx.test");
    while (dane_next(&rest, &record)) {
        CLAIM(record.data[0] == 2 || record.data[0] == 3);
        CLAIM(tls_dane_record(tls, record));
    }
    CLAIM(rest.len == 0);
    tls_free(tls);
    dane_free(&copy);
    dane_free(&d);
    return 0;
}
