#include "remote/smtp_limits.h"
#include "remote/tlspolicy.h"
#include "tests/fuzz/fuzz_list.h"

/* The setting tlspolicy, and domains that are looked for in it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view all = exact(data, size), in = all, line;
    struct conf_list list = fuzz_list(&in);
    unsigned char sum[TLS_FINGERPRINT] = {0};
    struct smtp_limits limits = {0};
    size_t first = SIZE_MAX;
    bool good = tlspolicy_check(&list, &first);

    CLAIM(good || (first > 0 && first <= list.count));
    while (view_line(&in, &line)) {
        struct tlspolicy p = tlspolicy_find(&list, line, TLS_MAY);
        struct view item, rest = p.argument;

        CLAIM(p.level <= TLS_DANE_ONLY);
        CLAIM(!good || p.level == TLS_MAY || tlspolicy_names(&list, p.level));
        while (tlspolicy_next(&rest, &item))
            CLAIM(item.data >= p.argument.data &&
                  item.data + item.len <= p.argument.data + p.argument.len);
        tlspolicy_fingerprint(p.argument, sum);
        smtp_limits_read(&limits, line);
        smtp_limits_domain(&limits, line);
    }
    smtp_limits_free(&limits);
    conf_listfree(&list);
    free((void *)all.data);
    return 0;
}
